"""Erasing what is left of a closed customer.

It takes longer than a transaction can: so it waits in a queue, and every step can be repeated. Whoever does it
again, after a crash at any point, finds less to do.

What is kept, and why: the ledger, invoices, credit notes, payments, refunds, and the usage that proves them are
records that tax law asks for (in the European Union for up to ten years); they name the customer by its id, and
issued documents are immutable. Everything else goes (GDPR, articles 17(1) and 17(3)(b)).
"""

from contextlib import suppress

from chalicelib.domain.foundation.access.ports import ApiKeyRecords
from chalicelib.domain.operations.departure.models import Closing
from chalicelib.domain.operations.departure.ports import ClosingRecords, FinalInvoice, Remains, SavedCards
from chalicelib.kernel.batches import process_each
from chalicelib.kernel.clock import Clock
from chalicelib.kernel.errors import Conflict, NotFound
from chalicelib.kernel.transactions import Transactor


class Erasure:
    """Erases closed customers, and their owners where they belonged to nothing else."""

    def __init__(
        self,
        *,
        records: ClosingRecords,
        remains: Remains,
        invoices: FinalInvoice,
        cards: SavedCards,
        api_keys: ApiKeyRecords,
        transactor: Transactor,
        clock: Clock,
    ) -> None:
        self._records = records
        self._remains = remains
        self._invoices = invoices
        self._cards = cards
        self._api_keys = api_keys
        self._transactor = transactor
        self._clock = clock

    def run(self) -> int:
        """Finish every closing that waits; how many were finished.

        One customer's trouble does not keep the others from theirs.

        Raises:
            ExceptionGroup: what went wrong, after everybody had their turn.
        """
        waiting = list(self._records.to_erase())
        return len(process_each(waiting, self.finish, name=lambda closing: closing.customer_id))

    def finish(self, closing: Closing) -> None:
        """Do what is left to be done; the last invoice first, as it needs the billing profile."""
        customer_id = closing.customer_id
        with suppress(Conflict):  # everything is invoiced
            self._invoices.issue_now(customer_id)
        self._forget_cards(customer_id)
        for key in self._api_keys.all_of(customer_id):
            self._transactor.commit(self._api_keys.remove(key))
        self._remains.erase_members(customer_id)
        self._remains.erase_customer(customer_id)
        self._remains.erase_traces(customer_id)
        if closing.erases_user:
            self._remains.erase_user(closing.user_id)
        self._transactor.commit([self._records.erased(closing, self._clock.now())])

    def _forget_cards(self, customer_id: str) -> None:
        if not self._cards.are_offered():
            return
        for method in self._cards.list(customer_id):
            with suppress(NotFound):  # it went meanwhile
                self._cards.forget(customer_id, method.id)
