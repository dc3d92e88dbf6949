"""What the door needs from outside."""

from datetime import datetime
from typing import Protocol

from chalicelib.domain.foundation.access.models import Claim, Credentials, Principal, StoredAnswer


class Authenticator(Protocol):
    """Knows who a request comes from."""

    def authenticate(self, credentials: Credentials) -> Principal:
        """The principal behind `credentials`.

        Raises:
            Unauthorized: the token is not one of ours, has ended, or was revoked.
            NotFound: the customer that the request names is none of the sender's.
        """
        ...


class RateCounters(Protocol):
    """Counts in fixed windows."""

    def hit(self, name: str, window_start: datetime, window_seconds: int) -> int:
        """Count one more for `name` in the window that starts at `window_start`; the new count."""
        ...


class IdempotencyRecords(Protocol):
    """Requests that were made with an Idempotency-Key, kept for 24 hours (G44)."""

    def claim(self, key: str, claimant: str, fingerprint: str, now: datetime, lease_seconds: int) -> Claim:
        """Take `key` for the request `claimant` with this fingerprint, or say what became of it.

        A claim that was neither answered nor released counts as abandoned after `lease_seconds`,
        and the next request takes it over.
        """
        ...

    def answer(self, key: str, claimant: str, answer: StoredAnswer) -> None:
        """Keep the answer for replays, unless another request has taken the claim over."""
        ...

    def release(self, key: str, claimant: str) -> None:
        """Forget the claim, as long as it is `claimant`'s: the request was refused and changed nothing."""
        ...
