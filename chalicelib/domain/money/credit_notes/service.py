"""Corrects invoices: an invoice never changes; a credit note gives part of it back."""

from collections.abc import Sequence
from dataclasses import replace

from chalicelib.domain.foundation.approvals.models import AboveLimit
from chalicelib.domain.money.billing.models import MICROS_PER_CENT, Credited, CreditNote, Invoice, Seller, Series
from chalicelib.domain.money.billing.ports import CREDITED_UNCHANGED, NUMBER_FREE, BillingRecords
from chalicelib.domain.money.billing.service import NumberSeries
from chalicelib.domain.money.ledger.models import EntryType, Operator
from chalicelib.domain.money.ledger.ports import ACCOUNT_UNCHANGED, LedgerRecords
from chalicelib.domain.money.ledger.service import AccountChange
from chalicelib.kernel.clock import Clock
from chalicelib.kernel.errors import InvalidInput, NotFound
from chalicelib.kernel.ids import Kind, new_id
from chalicelib.kernel.money import format_amount
from chalicelib.kernel.transactions import Transactor, Write, with_fresh_reads

STALE_NOTE = frozenset({CREDITED_UNCHANGED, NUMBER_FREE, ACCOUNT_UNCHANGED})


class CreditNotes:
    """Issues credit notes. The ledger entry that gives the money back is written in the same transaction."""

    def __init__(
        self, records: BillingRecords, ledger: LedgerRecords, transactor: Transactor, seller: Seller, clock: Clock
    ) -> None:
        self._records = records
        self._ledger = ledger
        self._transactor = transactor
        self._numbers = NumberSeries(records, seller)
        self._clock = clock

    def issue(
        self,
        customer_id: str,
        invoice_id: str,
        amount_micros: int,
        *,
        reason: str,
        actor_user_id: str,
        key: str,
        max_micros: int | None = None,
    ) -> CreditNote:
        """Give back `amount_micros` of an invoice, tax included and in whole cents; once for each `key`.

        Raises:
            NotFound: the customer has no such invoice.
            InvalidInput: the amount is more than the rest of the invoice, or not in whole cents.
            AboveLimit: this and earlier credit notes of the invoice are more than `max_micros`.
        """

        def once() -> CreditNote:
            credited = self._records.credited(customer_id, invoice_id)
            issued = self._records.credit_note(customer_id, dict(credited.notes).get(key, ""))
            if issued is not None:
                return issued
            note, writes = self.draft(
                customer_id,
                invoice_id,
                amount_micros,
                reason=reason,
                actor_user_id=actor_user_id,
                key=key,
                max_micros=max_micros,
            )
            self._transactor.commit(writes)
            return note

        return with_fresh_reads(once, stale=STALE_NOTE)

    def _check(self, customer_id: str, invoice_id: str, amount_micros: int) -> tuple[Invoice, Credited, int]:
        """The invoice, what was given back of it before, and the cents to give back now.

        Raises:
            NotFound, InvalidInput: as `issue`.
        """
        amount_cents, left_over = divmod(amount_micros, MICROS_PER_CENT)
        if left_over:
            raise InvalidInput.of("amount", "An amount is in whole cents.")
        invoice = self._records.invoice(customer_id, invoice_id)
        if invoice is None:
            raise NotFound("This customer has no such invoice.")
        credited = self._records.credited(customer_id, invoice_id)
        left_cents = invoice.totals.total_cents - credited.cents
        if not 0 < amount_cents <= left_cents:
            left = format_amount(left_cents * MICROS_PER_CENT)
            raise InvalidInput.of(
                "amount", f"Of this invoice at most {left} {invoice.currency} can be given back."
            )
        return invoice, credited, amount_cents

    def draft(
        self,
        customer_id: str,
        invoice_id: str,
        amount_micros: int,
        *,
        reason: str,
        actor_user_id: str,
        key: str,
        max_micros: int | None = None,
    ) -> tuple[CreditNote, Sequence[Write]]:
        """A credit note, and the writes that issue it. If a condition of STALE_NOTE fails, draft it again.

        Raises:
            NotFound, InvalidInput, AboveLimit: as `issue`.
        """
        now = self._clock.now()
        account = self._ledger.account(customer_id)
        if account is None:
            raise NotFound("There is no such customer.")
        invoice, credited, amount_cents = self._check(customer_id, invoice_id, amount_micros)
        if max_micros is not None and (credited.cents + amount_cents) * MICROS_PER_CENT > max_micros:
            raise AboveLimit
        before, taken = self._numbers.next(Series.CREDIT_NOTES, now)
        change = AccountChange(account, now, self._ledger)
        note_id = new_id(Kind.CREDIT_NOTE, now)
        entry = change.post(
            EntryType.CREDIT,
            amount_micros,
            Operator.USAGE,
            reference=note_id,
            reason=reason,
            actor_user_id=actor_user_id,
        )
        note = CreditNote(
            id=note_id,
            number=self._numbers.text(taken),
            customer_id=invoice.customer_id,
            issued_at=taken.last_issued_at or now,
            invoice_id=invoice.id,
            invoice_number=invoice.number,
            invoice_issued_at=invoice.issued_at,
            seller=invoice.seller,
            buyer=invoice.buyer,
            currency=invoice.currency,
            reason=reason,
            total_cents=amount_cents,
            tax_cents=_tax_of(invoice, credited.cents, amount_cents),
            tax=invoice.tax,
            entry_sequence=entry.sequence,
        )
        after = replace(credited, cents=credited.cents + amount_cents, notes=(*credited.notes, (key, note.id)))
        return note, [
            self._records.replace_credited(invoice.customer_id, credited, after),
            self._records.take_number(before, taken),
            self._records.insert_credit_note(note),
            *change.writes(),
        ]


def _tax_of(invoice: Invoice, credited_cents: int, amount_cents: int) -> int:
    """The tax in this part: the parts of a fully credited invoice have exactly its tax in them."""
    tax = invoice.tax
    return tax.contained_in(credited_cents + amount_cents) - tax.contained_in(credited_cents)
