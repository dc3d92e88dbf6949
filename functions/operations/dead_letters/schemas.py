"""What the endpoints of webhooks' dead letters give."""

from typing import Self

from pydantic import Field

from chalicelib.domain.money.top_ups.models import DeadNotice
from chalicelib.http import ApiModel


class DeadNoticeView(ApiModel):
    """A notice that could not be handled."""

    gateway: str
    provider_id: str | None = Field(description="what the gateway calls the payment")
    reference: str | None = Field(description="the top-up, where the gateway named it")

    @classmethod
    def of(cls, notice: DeadNotice) -> Self:
        """The view of `notice`."""
        return cls(gateway=notice.gateway, provider_id=notice.provider_id, reference=notice.reference)


class DeadLettersView(ApiModel):
    """What the worker gave up on."""

    count: int = Field(description="about how many there are")
    some: list[DeadNoticeView] = Field(description="up to ten of them")


class ReplayView(ApiModel):
    """How many were handed to the worker again."""

    replayed: int
