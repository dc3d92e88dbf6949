"""The container of the area `money`, last part: invoices, corrections and approvals."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from chalicelib.wiring.money.payments import Payments

if TYPE_CHECKING:
    from chalicelib.domain.foundation.approvals.models import Subject
    from chalicelib.domain.foundation.approvals.ports import Effect
    from chalicelib.domain.foundation.approvals.service import Approvals
    from chalicelib.domain.money.billing.documents import Documents
    from chalicelib.domain.money.billing.models import Seller
    from chalicelib.domain.money.billing.ports import BillingRecords, Printer
    from chalicelib.domain.money.billing.profiles import BillingProfiles
    from chalicelib.domain.money.billing.service import Invoicing
    from chalicelib.domain.money.billing.vat import VatRules
    from chalicelib.domain.money.credit_notes.corrections import Corrections
    from chalicelib.domain.money.credit_notes.service import CreditNotes
    from chalicelib.domain.money.journals.exports import Exports
    from chalicelib.domain.money.refunds.four_eyes import FourEyes


class Money(Payments):
    """Invoices, corrections and approvals; with all other parts of the area."""

    @cached_property
    def four_eyes(self) -> FourEyes:
        """Credits and refunds by staff, with approval of large ones."""
        from chalicelib.domain.money.refunds.four_eyes import FourEyes

        return FourEyes(self.approvals, self.refunds, self.ledger, self.people.customers, self.core.clock)

    @cached_property
    def approvals(self) -> Approvals:
        """Requests that wait for a second member of staff."""
        from chalicelib.adapters.dynamodb.foundation.approvals import DynamoApprovalRecords, DynamoMembershipCheck
        from chalicelib.domain.foundation.approvals.service import Approvals

        return Approvals(
            DynamoApprovalRecords(),
            DynamoMembershipCheck(),
            self._effect_of,
            self.core.transactor,
            self.core.clock,
        )

    def _effect_of(self, subject: Subject) -> Effect:
        from chalicelib.domain.foundation.approvals.models import Subject

        match subject:
            case Subject.CREDIT:
                from chalicelib.domain.money.refunds.four_eyes import CreditEffect

                return CreditEffect(self.ledger, self.people.customers, self.core.clock)
            case Subject.REFUND:
                from chalicelib.domain.money.refunds.four_eyes import RefundEffect

                return RefundEffect(self.refunds)
            case Subject.CREDIT_NOTE:
                from chalicelib.domain.money.credit_notes.corrections import CreditNoteEffect

                return CreditNoteEffect(self.credit_notes)

    @cached_property
    def billing_records(self) -> BillingRecords:
        """Storage of billing profiles, invoices and credit notes."""
        from chalicelib.adapters.dynamodb.money.billing import DynamoBillingRecords

        return DynamoBillingRecords()

    @cached_property
    def seller(self) -> Seller:
        """The company that issues the invoices."""
        from chalicelib.adapters.files.billing import read_seller

        return read_seller()

    @cached_property
    def vat_rules(self) -> VatRules:
        """The VAT rules for invoices."""
        from chalicelib.adapters.files.billing import read_vat_countries
        from chalicelib.domain.money.billing.vat import VatRules

        return VatRules(read_vat_countries())

    @cached_property
    def billing_profiles(self) -> BillingProfiles:
        """The names and addresses that invoices are issued to."""
        from chalicelib.domain.money.billing.profiles import BillingProfiles

        return BillingProfiles(self.billing_records, self.core.transactor, self.vat_rules, self.core.clock)

    @cached_property
    def invoicing(self) -> Invoicing:
        """Issues invoices."""
        from chalicelib.domain.money.billing.service import Invoicing

        return Invoicing(
            self.billing_records,
            self.ledger_records,
            self.meter_records,
            self.above.machines(),
            self.core.transactor,
            self.vat_rules,
            self.seller,
            self.core.clock,
        )

    @cached_property
    def credit_notes(self) -> CreditNotes:
        """Issues credit notes."""
        from chalicelib.domain.money.credit_notes.service import CreditNotes

        return CreditNotes(
            self.billing_records, self.ledger_records, self.core.transactor, self.seller, self.core.clock
        )

    @cached_property
    def corrections(self) -> Corrections:
        """Corrections of invoices by staff, with approval of large ones."""
        from chalicelib.domain.money.credit_notes.corrections import Corrections

        return Corrections(self.credit_notes, self.approvals)

    @cached_property
    def billing_documents(self) -> Documents:
        """Customers' invoices and credit notes, and their PDFs."""
        from chalicelib.adapters.dynamodb.money.billing import fingerprint
        from chalicelib.domain.money.billing.documents import Documents

        return Documents(self.billing_records, self.foundation.files, self.printer, fingerprint, self.core.clock)

    @cached_property
    def printer(self) -> Printer:
        """Makes PDFs."""
        from chalicelib.adapters.pdf import PdfPrinter

        return PdfPrinter()

    @cached_property
    def exports(self) -> Exports:
        """Exports of the ledger for accountants."""
        from chalicelib.domain.money.journals.exports import Exports

        return Exports(self.ledger_records, self.foundation.files, self.core.clock)
