"""What the second factor needs from outside."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from chalicelib.domain.people.second_factor.models import PendingSignIn, Proof, SecondFactor
from chalicelib.kernel.transactions import Write


class SecondFactors(Protocol):
    """What is kept of second factors: at most one a person."""

    def get(self, user_id: str) -> SecondFactor | None:
        """The person's, on or not, as last written."""
        ...

    def begin(self, user_id: str, sealed_secret: str) -> Write:
        """Keep a secret that waits to be confirmed, in place of an earlier one; asserts `second_factor_is_off`."""
        ...

    def turn_on(self, factor: SecondFactor, step: int, recovery_hashes: Sequence[str], now: datetime) -> Write:
        """Ask for it from now on, with the code of `step` used; asserts `second_factor_waits`, being `factor`."""
        ...

    def is_off(self, user_id: str) -> Write:
        """Change nothing; asserts `second_factor_is_off`."""
        ...

    def is_on(self, user_id: str) -> Write:
        """Change nothing; asserts `second_factor_is_on`."""
        ...

    def use(self, factor: SecondFactor, proof: Proof) -> Write:
        """Use a code up; asserts `code_is_unused`."""
        ...

    def replace_recovery_codes(self, factor: SecondFactor, proof: Proof, recovery_hashes: Sequence[str]) -> Write:
        """Use a code up, and make these the recovery codes; asserts `code_is_unused`."""
        ...

    def turn_off(self, factor: SecondFactor, proof: Proof) -> Write:
        """Use a code up, and forget everything; asserts `code_is_unused`."""
        ...

    def forget(self, user_id: str) -> Write:
        """Forget everything, for a person who takes an account back from whoever turned it on."""
        ...


class PendingSignIns(Protocol):
    """Sign-ins that wait for their second factor."""

    def insert(self, pending: PendingSignIn) -> Write:
        """Add `pending`."""
        ...

    def get(self, token_hash: str) -> PendingSignIn | None:
        """The sign-in, as last written, unless it was finished."""
        ...

    def try_code(self, token_hash: str, now: datetime) -> PendingSignIn | None:
        """Count one more code for the sign-in and give it; None where there is none, or its codes are used up.

        Counting and giving are one write, so that no number of calls at once gets more than
        `MAX_CODES_PER_PENDING_SIGN_IN`.
        """
        ...

    def finish(self, pending: PendingSignIn) -> Write:
        """Remove it; asserts `sign_in_is_pending`."""
        ...


class OneTimeCodes(Protocol):
    """Codes that follow from a secret and the time (TOTP, RFC 6238)."""

    def new_secret(self) -> str:
        """A random secret in base32."""
        ...

    def uri(self, secret: str, account: str) -> str:
        """What an authenticator app scans, naming the `account`."""
        ...

    def step_of(self, secret: str, code: str, now: datetime) -> int | None:
        """The time step whose code this is, out of the current one, the one before and the one after."""
        ...
