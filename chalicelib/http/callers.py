"""Who is at the door."""

from dataclasses import dataclass, field

from chalicelib.domain.foundation.access.models import Principal
from chalicelib.domain.foundation.access.reach import Reach


@dataclass(frozen=True)
class Visitor:
    """A request whose sender nobody has asked for."""

    ip: str
    """The gateway's own view of the source address, never a header's."""
    user_agent: str
    request_id: str
    idempotency_key: str | None = None
    cookies: tuple[tuple[str, str], ...] = ()
    csrf_token: str | None = None
    """What the request says in `X-CSRF-Token`."""
    bearer_token: str | None = field(default=None, repr=False)
    """What the request says in `Authorization`; nobody has looked at it yet."""

    def cookie(self, name: str) -> str | None:
        """The value of the cookie `name`, if the request carries it."""
        return dict(self.cookies).get(name)


@dataclass(frozen=True, kw_only=True)
class Caller(Visitor):
    """A request whose sender has been authenticated."""

    principal: Principal

    @property
    def user_id(self) -> str:
        """The person."""
        return self.principal.user_id

    @property
    def session_id(self) -> str:
        """The session that the access token belongs to."""
        return self.principal.session_id

    @property
    def customer_id(self) -> str:
        """The customer that the session acts for; every query of a customer's things starts with it."""
        return self.principal.customer_id

    @property
    def reach(self) -> Reach:
        """What the caller may reach of that customer: everything, or the project that its key is confined to."""
        return Reach(self.principal.customer_id, self.principal.project_id)
