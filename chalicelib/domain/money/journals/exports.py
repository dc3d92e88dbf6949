"""Exports the ledger for accountants."""

import hashlib
from collections.abc import Iterator
from datetime import datetime
from itertools import islice, takewhile

from chalicelib.domain.foundation.files.ports import Files
from chalicelib.domain.money.billing.documents import LINK_LIFE_SECONDS, Link
from chalicelib.domain.money.journals.journals import CustomersChart, ExportFormat, OperatorsChart, journal
from chalicelib.domain.money.ledger.models import Entry
from chalicelib.domain.money.ledger.ports import LedgerRecords
from chalicelib.kernel.clock import Clock, later
from chalicelib.kernel.errors import InvalidInput

MAX_ENTRIES = 100_000
"""The most entries in one file: a customer with ten machines has as many in five weeks."""


class Exports:
    """Writes the ledger's entries as files."""

    def __init__(self, ledger: LedgerRecords, files: Files, clock: Clock) -> None:
        self._ledger = ledger
        self._files = files
        self._clock = clock

    def of_customer(
        self, customer_id: str, format_: ExportFormat, start: datetime | None, end: datetime | None
    ) -> Link:
        """A link to a customer's entries from `start` (inclusive) to `end` (exclusive), oldest first.

        Raises:
            InvalidInput: `end` is not after `start`, or there are more than `MAX_ENTRIES`.
        """
        if start is not None and end is not None and end <= start:
            raise InvalidInput.of("to", "The end must come after the start.")
        entries = list(islice(self._entries(customer_id, start, end), MAX_ENTRIES + 1))
        if len(entries) > MAX_ENTRIES:
            raise InvalidInput.of("to", f"These are more than {MAX_ENTRIES} entries; export a shorter time.")
        content = "".join(journal(format_, entries, CustomersChart())).encode()
        key = f"exports/{customer_id}/{hashlib.sha256(content).hexdigest()}.{format_.extension}"
        self._files.keep(key, content, format_.content_type)
        url = self._files.link(key, f"ledger.{format_.extension}", LINK_LIFE_SECONDS)
        return Link(url, later(self._clock.now(), LINK_LIFE_SECONDS))

    def of_everybody(self, format_: ExportFormat) -> Iterator[str]:
        """The whole ledger from the operator's point of view, in pieces of text, customer by customer."""
        customer_ids = self._ledger.customer_ids()
        entries = (entry for customer_id in customer_ids for entry in self._ledger.all_entries(customer_id))
        return journal(format_, entries, OperatorsChart())

    def _entries(self, customer_id: str, start: datetime | None, end: datetime | None) -> Iterator[Entry]:
        entries = self._ledger.all_entries(customer_id, start)
        return takewhile(lambda entry: end is None or entry.at < end, entries)
