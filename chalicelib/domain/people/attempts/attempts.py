"""How often one may try (G45): per account and per address, alike for accounts that do not exist."""

from chalicelib.domain.foundation.access.rate_limits import RateLimiter
from chalicelib.domain.people.accounts.models import EmailAddress
from chalicelib.domain.people.attempts.tallies import Turnstile
from chalicelib.kernel.hashing import hash_of
from chalicelib.kernel.sites import site_of
from chalicelib.kernel.transactions import Write

_WINDOW_SECONDS = 15 * 60
SIGN_INS_PER_ADDRESS = 30
_LETTER_WINDOW_SECONDS = 3600
LETTERS_PER_ACCOUNT = 5
LETTERS_PER_ADDRESS = 60
LINKS_PER_ADDRESS = 30
USER_CODES_PER_PERSON = 20


class Attempts:
    """Counts before anything is looked up, so that a refusal says nothing about the account.

    Each account has a delay that grows with each failure. The one at the door, where anybody can try, is apart
    from the one inside, so that nobody outside can keep an owner who is signed in from anything.
    """

    def __init__(self, limiter: RateLimiter, turnstile: Turnstile) -> None:
        self._limiter = limiter
        self._turnstile = turnstile

    def sign_in(self, email: EmailAddress, ip: str) -> None:
        """Count an attempt to sign in with a password.

        Raises:
            RateLimited: there were too many from this address, or the delay of this account is not over.
        """
        self._from(ip)
        self._turnstile.enter(_password_of(email))

    def knew_password(self, email: EmailAddress) -> Write:
        """The delay begins anew: the password was right."""
        return self._turnstile.succeeded(_password_of(email))

    def second_factor(self, user_id: str, ip: str) -> None:
        """Count an attempt to finish a sign-in with a code.

        Raises:
            RateLimited: there were too many from this address, or the delay of this account is not over.
        """
        self._from(ip)
        self._turnstile.enter(_code_of(user_id))

    def knew_code(self, user_id: str) -> Write:
        """The delay begins anew: the code was right."""
        return self._turnstile.succeeded(_code_of(user_id))

    def inside(self, user_id: str) -> None:
        """Count an attempt of somebody signed in to prove once more who they are.

        Raises:
            RateLimited: the delay is not over.
        """
        self._turnstile.enter(_inside_of(user_id))

    def proved_inside(self, user_id: str) -> Write:
        """That delay begins anew."""
        return self._turnstile.succeeded(_inside_of(user_id))

    def letter(self, email: EmailAddress, ip: str) -> None:
        """Count something that sends a mail to `email`, so that nobody's mailbox can be flooded.

        Raises:
            RateLimited: there were too many from this address or for this account.
        """
        self._limiter.check(f"letter:{site_of(ip)}", LETTERS_PER_ADDRESS, _LETTER_WINDOW_SECONDS)
        self._limiter.check(f"letter:{hash_of(email)}", LETTERS_PER_ACCOUNT, _LETTER_WINDOW_SECONDS)

    def link(self, ip: str) -> None:
        """Count an attempt to follow a mailed link.

        Raises:
            RateLimited: there were too many from this address.
        """
        self._limiter.check(f"link:{site_of(ip)}", LINKS_PER_ADDRESS, _WINDOW_SECONDS)

    def user_code(self, user_id: str) -> None:
        """Count a device's code that somebody signed in has typed.

        Raises:
            RateLimited: there were too many from this person.
        """
        self._limiter.check(f"user-code:{user_id}", USER_CODES_PER_PERSON, _WINDOW_SECONDS)

    def _from(self, ip: str) -> None:
        self._limiter.check(f"sign-in:{site_of(ip)}", SIGN_INS_PER_ADDRESS, _WINDOW_SECONDS)


def _password_of(email: EmailAddress) -> str:
    return f"password:{hash_of(email)}"


def _code_of(user_id: str) -> str:
    return f"code:{user_id}"


def _inside_of(user_id: str) -> str:
    return f"inside:{user_id}"
