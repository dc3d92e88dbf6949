"""The sender of a request."""

from dataclasses import field

from chalicelib.domain.foundation.access.models import Principal
from chalicelib.domain.foundation.access.reach import Reach
from chalicelib.kernel.dataclasses import dataclass


@dataclass(frozen=True)
class Visitor:
    """A request whose sender was not authenticated."""

    ip: str
    """The source address that API Gateway saw, never a header's."""
    user_agent: str
    request_id: str
    idempotency_key: str | None = None
    """The value of the header, which only the door uses; what a request makes is made under `effect_key`."""
    effect_key: str = ""
    """Equal for a repeated request: the same endpoint, actor, content and `Idempotency-Key`; else unique (G44)."""
    cookies: tuple[tuple[str, str], ...] = ()
    csrf_token: str | None = None
    """The value of the header `X-CSRF-Token`."""
    bearer_token: str | None = field(default=None, repr=False)
    """The token of the header `Authorization`; not verified."""

    def cookie(self, name: str) -> str | None:
        """Return the value of the cookie `name`, or None."""
        return dict(self.cookies).get(name)


@dataclass(frozen=True, kw_only=True)
class Caller(Visitor):
    """A request whose sender was authenticated."""

    principal: Principal

    @property
    def user_id(self) -> str:
        """The user's id."""
        return self.principal.user_id

    @property
    def session_id(self) -> str:
        """The id of the session that the access token belongs to."""
        return self.principal.session_id

    @property
    def customer_id(self) -> str:
        """The customer that the session acts for; every query of a customer's data starts with this id."""
        return self.principal.customer_id

    @property
    def reach(self) -> Reach:
        """What the caller may access of that customer: everything, or the project that the API key is confined
        to.
        """
        return Reach(self.principal.customer_id, self.principal.project_id)
