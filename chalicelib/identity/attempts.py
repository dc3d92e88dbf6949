"""How often one may try (G45): per account and per address, alike for accounts that do not exist."""

from ipaddress import ip_address, ip_network

from chalicelib.access.service import RateLimiter
from chalicelib.identity.emails import EmailAddress
from chalicelib.identity.tokens import hash_of

_WINDOW_SECONDS = 15 * 60
SIGN_INS_PER_ACCOUNT = 10
SIGN_INS_PER_ADDRESS = 30
_LETTER_WINDOW_SECONDS = 3600
LETTERS_PER_ACCOUNT = 5
LETTERS_PER_ADDRESS = 60
LINKS_PER_ADDRESS = 30
_IPV6_SITE_BITS = 64  # what one subscriber usually has for himself (RFC 6177)


class Attempts:
    """Counts before anything is looked up, so that a refusal says nothing about the account."""

    def __init__(self, limiter: RateLimiter) -> None:
        self._limiter = limiter

    def sign_in(self, email: EmailAddress, ip: str) -> None:
        """Count an attempt to sign in, right or wrong.

        Raises:
            RateLimited: there were too many from this address or for this account.
        """
        self._limiter.check(f"sign-in:{_site(ip)}", SIGN_INS_PER_ADDRESS, _WINDOW_SECONDS)
        self._limiter.check(f"sign-in:{hash_of(email)}", SIGN_INS_PER_ACCOUNT, _WINDOW_SECONDS)

    def letter(self, email: EmailAddress, ip: str) -> None:
        """Count something that sends a mail to `email`, so that nobody's mailbox can be flooded.

        Raises:
            RateLimited: there were too many from this address or for this account.
        """
        self._limiter.check(f"letter:{_site(ip)}", LETTERS_PER_ADDRESS, _LETTER_WINDOW_SECONDS)
        self._limiter.check(f"letter:{hash_of(email)}", LETTERS_PER_ACCOUNT, _LETTER_WINDOW_SECONDS)

    def link(self, ip: str) -> None:
        """Count an attempt to follow a mailed link.

        Raises:
            RateLimited: there were too many from this address.
        """
        self._limiter.check(f"link:{_site(ip)}", LINKS_PER_ADDRESS, _WINDOW_SECONDS)


def _site(ip: str) -> str:
    """The address, or the network of an IPv6 address, which its owner can pick from freely."""
    try:
        address = ip_address(ip)
    except ValueError:  # a test invocation from the gateway's console has no address
        return ip
    return str(address if address.version == 4 else ip_network((address, _IPV6_SITE_BITS), strict=False))
