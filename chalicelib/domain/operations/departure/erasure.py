"""Erases the data of a closed customer.

This takes longer than a transaction can. So closings wait in a queue, and every step can be repeated: a new
attempt after a crash finds less to do.

Kept are the ledger, invoices, credit notes, payments, refunds, and the usage that proves them: tax law demands
these records (in the European Union for up to ten years); they name the customer by its id, and issued documents
are immutable. Everything else is erased (GDPR, articles 17(1) and 17(3)(b)).
"""

from contextlib import suppress

from chalicelib.domain.foundation.access.ports import ApiKeyRecords
from chalicelib.domain.operations.departure.models import Closing
from chalicelib.domain.operations.departure.ports import ClosingRecords, FinalInvoice, RemainingData, SavedCards
from chalicelib.kernel.batches import process_each
from chalicelib.kernel.clock import Clock
from chalicelib.kernel.errors import Conflict, NotFound
from chalicelib.kernel.transactions import Transactor


class Erasure:
    """Erases closed customers, and those owners who belong to nothing else."""

    def __init__(
        self,
        *,
        records: ClosingRecords,
        remains: RemainingData,
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
        """Finish every waiting closing and return how many were finished.

        Process every closing; raise what failed at the end.

        Raises:
            ExceptionGroup: the errors of the closings that failed.
        """
        waiting = list(self._records.to_erase())
        return len(process_each(waiting, self.finish, name=lambda closing: closing.customer_id))

    def finish(self, closing: Closing) -> None:
        """Do the remaining steps. The last invoice comes first, as it needs the billing profile."""
        customer_id = closing.customer_id
        with suppress(Conflict):  # everything is invoiced already
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
            with suppress(NotFound):  # it was removed meanwhile
                self._cards.forget(customer_id, method.id)
