"""Limits attempts (G45) per account and per IP address; unknown accounts are treated like known ones."""

from chalicelib.domain.foundation.access.rate_limits import RateLimiter
from chalicelib.domain.people.accounts.models import EmailAddress
from chalicelib.domain.people.attempts.tallies import AttemptThrottle
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
    """Counts an attempt before anything is looked up, so that a refusal reveals nothing about the account.

    Each account has delays that grow with each failure. The delay for anonymous sign-ins is separate from the
    delay for signed-in users, so that an attacker outside cannot lock out an owner who is signed in.
    """

    def __init__(self, limiter: RateLimiter, throttle: AttemptThrottle) -> None:
        self._limiter = limiter
        self._throttle = throttle

    def sign_in(self, email: EmailAddress, ip: str) -> None:
        """Count an attempt to sign in with a password.

        Raises:
            RateLimited: too many attempts from this IP address, or the delay of this account is not over.
        """
        self._from(ip)
        self._throttle.admit(_password_of(email))

    def password_succeeded(self, email: EmailAddress) -> Write:
        """Reset the sign-in delay, because the password was right."""
        return self._throttle.succeeded(_password_of(email))

    def second_factor(self, user_id: str, ip: str) -> None:
        """Count an attempt to finish a sign-in with a code.

        Raises:
            RateLimited: too many attempts from this IP address, or the delay of this account is not over.
        """
        self._from(ip)
        self._throttle.admit(_code_of(user_id))

    def code_succeeded(self, user_id: str) -> Write:
        """Reset the second-factor delay, because the code was right."""
        return self._throttle.succeeded(_code_of(user_id))

    def reauthentication(self, user_id: str) -> None:
        """Count an attempt of a signed-in user to prove their identity again.

        Raises:
            RateLimited: the delay is not over.
        """
        self._throttle.admit(_reauthentication_of(user_id))

    def reauthentication_succeeded(self, user_id: str) -> Write:
        """Reset the delay of `reauthentication`."""
        return self._throttle.succeeded(_reauthentication_of(user_id))

    def letter(self, email: EmailAddress, ip: str) -> None:
        """Count a request that sends a mail to `email`, so that no mailbox can be flooded.

        Raises:
            RateLimited: too many requests from this IP address or for this mail address.
        """
        self._limiter.check(f"letter:{site_of(ip)}", LETTERS_PER_ADDRESS, _LETTER_WINDOW_SECONDS)
        self._limiter.check(f"letter:{hash_of(email)}", LETTERS_PER_ACCOUNT, _LETTER_WINDOW_SECONDS)

    def link(self, ip: str) -> None:
        """Count an attempt to use a mailed link.

        Raises:
            RateLimited: too many attempts from this IP address.
        """
        self._limiter.check(f"link:{site_of(ip)}", LINKS_PER_ADDRESS, _WINDOW_SECONDS)

    def user_code(self, user_id: str) -> None:
        """Count an attempt of a signed-in user to enter a device's user code.

        Raises:
            RateLimited: too many attempts by this user.
        """
        self._limiter.check(f"user-code:{user_id}", USER_CODES_PER_PERSON, _WINDOW_SECONDS)

    def _from(self, ip: str) -> None:
        self._limiter.check(f"sign-in:{site_of(ip)}", SIGN_INS_PER_ADDRESS, _WINDOW_SECONDS)


def _password_of(email: EmailAddress) -> str:
    return f"password:{hash_of(email)}"


def _code_of(user_id: str) -> str:
    return f"code:{user_id}"


def _reauthentication_of(user_id: str) -> str:
    return f"inside:{user_id}"
