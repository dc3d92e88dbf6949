"""Looks up and uses mailed links."""

from collections.abc import Sequence

from chalicelib.domain.people.accounts.models import Link, LinkPurpose, Origin
from chalicelib.domain.people.accounts.ports import Links
from chalicelib.domain.people.attempts.attempts import Attempts
from chalicelib.kernel.clock import Clock
from chalicelib.kernel.errors import InvalidInput
from chalicelib.kernel.hashing import hash_of
from chalicelib.kernel.transactions import ConditionFailed, Transactor, Write


def void_link() -> InvalidInput:
    """Return the error for an unusable link; it is the same for every reason."""
    return InvalidInput.of("token", "This link is not valid any more; ask for a new one.")


class LinkOpener:
    """Looks up and uses mailed links; each lookup counts as an attempt (G45)."""

    def __init__(self, links: Links, attempts: Attempts, transactor: Transactor, clock: Clock) -> None:
        self._links = links
        self._attempts = attempts
        self._transactor = transactor
        self._clock = clock

    def open(self, token: str, purpose: LinkPurpose, origin: Origin) -> Link:
        """Return the unused link with this token.

        Raises:
            InvalidInput: there is no such link, it has another purpose, was used, or has expired.
            RateLimited: too many links were tried.
        """
        self._attempts.link(origin.ip)
        link = self._links.get(hash_of(token))
        if link is None or link.purpose is not purpose or self._clock.now() >= link.expires_at:
            raise void_link()
        return link

    def follow(self, link: Link, effects: Sequence[Write]) -> None:
        """Use the link and commit `effects` in one transaction.

        Raises:
            InvalidInput: another request used the link first, or the password was changed since the link was made.
        """
        try:
            self._transactor.commit([self._links.follow(link), *effects])
        except ConditionFailed as failed:
            raise void_link() from failed
