"""Ports of the second factor."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from chalicelib.domain.people.second_factor.models import PendingSignIn, Proof, SecondFactor
from chalicelib.kernel.transactions import Write


class SecondFactors(Protocol):
    """Stored second factors, at most one per user."""

    def get(self, user_id: str) -> SecondFactor | None:
        """Return the user's second factor, on or off (strongly consistent)."""
        ...

    def begin(self, user_id: str, sealed_secret: str) -> Write:
        """Store a secret to be confirmed, and replace an earlier one; asserts `second_factor_is_off`."""
        ...

    def turn_on(self, factor: SecondFactor, step: int, recovery_hashes: Sequence[str], now: datetime) -> Write:
        """Turn the second factor on and mark the code of `step` as used; asserts `second_factor_waits` for
        `factor`.
        """
        ...

    def is_off(self, user_id: str) -> Write:
        """Change nothing; asserts `second_factor_is_off`."""
        ...

    def is_on(self, user_id: str) -> Write:
        """Change nothing; asserts `second_factor_is_on`."""
        ...

    def use(self, factor: SecondFactor, proof: Proof) -> Write:
        """Mark a code as used; asserts `code_is_unused`."""
        ...

    def replace_recovery_codes(self, factor: SecondFactor, proof: Proof, recovery_hashes: Sequence[str]) -> Write:
        """Mark a code as used and replace the recovery codes; asserts `code_is_unused`."""
        ...

    def turn_off(self, factor: SecondFactor, proof: Proof) -> Write:
        """Mark a code as used and delete the second factor; asserts `code_is_unused`."""
        ...

    def forget(self, user_id: str) -> Write:
        """Delete the second factor, for a user who recovers an account from a hijacker."""
        ...


class PendingSignIns(Protocol):
    """Sign-ins that wait for their second factor."""

    def insert(self, pending: PendingSignIn) -> Write:
        """Add `pending`."""
        ...

    def get(self, token_hash: str) -> PendingSignIn | None:
        """Return the sign-in (strongly consistent), or None if it was finished."""
        ...

    def try_code(self, token_hash: str, now: datetime) -> PendingSignIn | None:
        """Count one more attempt at a code and return the sign-in; None if there is none or no attempts are left.

        Counting and reading are one write, so that parallel calls get at most `MAX_CODES_PER_PENDING_SIGN_IN`
        attempts.
        """
        ...

    def finish(self, pending: PendingSignIn) -> Write:
        """Delete it; asserts `sign_in_is_pending`."""
        ...


class OneTimeCodes(Protocol):
    """Codes computed from a secret and the time (TOTP, RFC 6238)."""

    def new_secret(self) -> str:
        """Return a random secret in base32."""
        ...

    def uri(self, secret: str, account: str) -> str:
        """Return the URI that an authenticator app scans; it names the `account`."""
        ...

    def step_of(self, secret: str, code: str, now: datetime) -> int | None:
        """Return the time step of this code, if it is the current step, the one before or the one after; else
        None.
        """
        ...
