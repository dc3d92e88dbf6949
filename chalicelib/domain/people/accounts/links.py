"""Mailed links: each is for one user and one purpose, expires, and works once."""

from chalicelib.domain.people.accounts.models import Link, LinkPurpose, User
from chalicelib.domain.people.accounts.ports import Links
from chalicelib.domain.people.accounts.tokens import new_secret
from chalicelib.kernel.clock import Clock
from chalicelib.kernel.hashing import hash_of
from chalicelib.kernel.transactions import Transactor


class LinkMaker:
    """Makes mailed links."""

    def __init__(self, links: Links, transactor: Transactor, clock: Clock) -> None:
        self._links = links
        self._transactor = transactor
        self._clock = clock

    def make(self, user: User, purpose: LinkPurpose, subject: str = "") -> str:
        """Store a new link and return its token, of which only a hash is stored; see `Link.subject`."""
        token = new_secret()
        expires_at = self._clock.now() + purpose.life
        link = Link(hash_of(token), purpose, user.id, user.password_version, expires_at, subject)
        self._transactor.commit([self._links.insert(link)])
        return token
