"""Data exports: a ZIP with all data about a user, and the data of a customer that their role may see.

A worker makes it in the background, and it is kept for a week. The worker holds the export under a lease; after a
crash another attempt starts from the beginning and overwrites the file.
"""

from dataclasses import replace
from datetime import timedelta

from chalicelib.domain.foundation.access.rate_limits import RateLimiter
from chalicelib.domain.money.billing.documents import Link
from chalicelib.domain.operations.departure.contents import Contents
from chalicelib.domain.operations.departure.models import DataExport, ExportStatus
from chalicelib.domain.operations.departure.ports import Archives, ExportRecords
from chalicelib.domain.people.accounts.models import Letter, LetterKind
from chalicelib.domain.people.accounts.ports import Letters, Users
from chalicelib.kernel.clock import Clock, later
from chalicelib.kernel.errors import NotFound
from chalicelib.kernel.ids import Kind, new_id
from chalicelib.kernel.transactions import ConditionFailed, Transactor

EXPORT_TAKEN = "export_taken"
LINK_LIFE_SECONDS = 300
MAX_ATTEMPTS = 5
_LEASE = timedelta(minutes=16)  # one minute more than the worker's deadline
_EXPORTS_PER_DAY = 1
_DAY_SECONDS = 24 * 3600


class DataExports:
    """Requests, makes and returns exports."""

    def __init__(
        self,
        *,
        records: ExportRecords,
        archives: Archives,
        contents: Contents,
        users: Users,
        letters: Letters,
        limiter: RateLimiter,
        transactor: Transactor,
        clock: Clock,
    ) -> None:
        self._records = records
        self._archives = archives
        self._contents = contents
        self._users = users
        self._letters = letters
        self._limiter = limiter
        self._transactor = transactor
        self._clock = clock

    def request(self, user_id: str, customer_id: str) -> DataExport:
        """Request an export.

        Raises:
            RateLimited: the user requested one today already.
        """
        self._limiter.check(f"export:{user_id}", _EXPORTS_PER_DAY, _DAY_SECONDS)
        now = self._clock.now()
        export = DataExport(new_id(Kind.ACCOUNT_EXPORT, now), user_id, customer_id, now)
        self._transactor.commit([self._records.insert(export)])
        return export

    def get(self, user_id: str, export_id: str) -> tuple[DataExport, Link | None]:
        """Return the user's own export, with a link to the file if it is ready.

        Raises:
            NotFound: the user has no such export, or it has expired.
        """
        export, now = self._records.get(user_id, export_id), self._clock.now()
        if export is None or now >= export.expires_at:
            raise NotFound("You have no such export.")
        if export.status is not ExportStatus.READY:
            return export, None
        url = self._archives.link(export.key, f"hearth-{export.requested_at:%Y-%m-%d}.zip", LINK_LIFE_SECONDS)
        return export, Link(url, later(now, LINK_LIFE_SECONDS))

    def run(self) -> int:
        """Make every waiting export without a lease, and return how many were made.

        Process every export; raise what failed at the end.

        Raises:
            ExceptionGroup: the errors of the exports that failed.
        """
        made = 0
        troubles: list[Exception] = []
        for waiting in list(self._records.waiting()):
            try:
                made += self._make(waiting)
            except Exception as trouble:
                trouble.add_note(waiting.id)
                troubles.append(trouble)
        if troubles:
            raise ExceptionGroup(f"{len(troubles)} exports were not made", troubles)
        return made

    def _make(self, waiting: DataExport) -> bool:
        """Make the export; return whether this attempt finished it."""
        export = self._take(waiting)
        if export is None:
            return False
        user = self._users.get(export.user_id)
        if user is None:
            self._transactor.commit([self._records.replace(export, replace(export, status=ExportStatus.FAILED))])
            return False
        size = self._archives.write(
            export.key, self._contents.members(user, export.customer_id), export.requested_at
        )
        now = self._clock.now()
        ready = replace(export, status=ExportStatus.READY, size_bytes=size)
        letter = Letter(new_id(Kind.LETTER, now), LetterKind.EXPORT_READY, user.email, now)
        try:
            self._transactor.commit([self._records.replace(export, ready), self._letters.add(letter)])
        except ConditionFailed:  # the lease expired and another attempt began; that one counts
            return False
        return True

    def _take(self, waiting: DataExport) -> DataExport | None:
        """Take the lease of the export; return None if another worker has it, or all attempts are used up."""
        export, now = self._records.get(waiting.user_id, waiting.id), self._clock.now()
        if export is None or export.status is not ExportStatus.REQUESTED:
            return None
        if export.leased_until is not None and now < export.leased_until:
            return None
        is_hopeless = export.attempts >= MAX_ATTEMPTS
        taken = (
            replace(export, status=ExportStatus.FAILED)
            if is_hopeless
            else replace(export, attempts=export.attempts + 1, leased_until=now + _LEASE)
        )
        try:
            self._transactor.commit([self._records.replace(export, taken)])
        except ConditionFailed:
            return None
        return None if is_hopeless else taken
