"""Mailed links: made for one person and one purpose, expiring, used once."""

from collections.abc import Sequence

from chalicelib.domain.people.accounts.models import Link, LinkPurpose, User
from chalicelib.domain.people.accounts.ports import Links
from chalicelib.domain.people.accounts.tokens import new_secret
from chalicelib.kernel.clock import Clock
from chalicelib.kernel.errors import InvalidInput
from chalicelib.kernel.hashing import hash_of
from chalicelib.kernel.transactions import ConditionFailed, Transactor, Write


def void_link() -> InvalidInput:
    """The refusal of a link that cannot be followed, whatever the reason."""
    return InvalidInput.of("token", "This link is not valid any more; ask for a new one.")


class LinkOpener:
    """Makes links and follows them."""

    def __init__(self, links: Links, transactor: Transactor, clock: Clock) -> None:
        self._links = links
        self._transactor = transactor
        self._clock = clock

    def make(self, user: User, purpose: LinkPurpose, subject: str = "") -> str:
        """A new link's token, which is kept as a hash only; for `subject`, see `Link.subject`."""
        token = new_secret()
        expires_at = self._clock.now() + purpose.life
        link = Link(hash_of(token), purpose, user.id, user.password_version, expires_at, subject)
        self._transactor.commit([self._links.insert(link)])
        return token

    def open(self, token: str, purpose: LinkPurpose) -> Link:
        """The link behind `token`, unused yet.

        Raises:
            InvalidInput: there is none, it serves another purpose, was followed, or has expired.
        """
        link = self._links.get(hash_of(token))
        if link is None or link.purpose is not purpose or self._clock.now() >= link.expires_at:
            raise void_link()
        return link

    def follow(self, link: Link, effects: Sequence[Write]) -> None:
        """Use the link up together with its `effects`.

        Raises:
            InvalidInput: somebody was faster, or the password was changed since the link was made.
        """
        try:
            self._transactor.commit([self._links.follow(link), *effects])
        except ConditionFailed as failed:
            raise void_link() from failed
