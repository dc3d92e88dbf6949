"""Requests and answers about dead letters."""

from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import Field, StringConstraints

from chalicelib.domain.foundation.changes.models import DeadLetter, DeadLetterCount
from chalicelib.http import ApiModel

QueueName = Annotated[
    str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,63}$"), Field(examples=["update_directory"])
]
_LetterId = Annotated[
    str,
    StringConstraints(pattern=r"^[0-9A-Za-z-]{1,100}$"),
    Field(examples=["5fea7756-0ea4-451a-a703-a558b933e274"]),
]
_MOST_IDS = 10


class DeadNoticeView(ApiModel):
    """A notice that could not be processed."""

    gateway: str
    provider_id: str | None = Field(description="the gateway's id of the payment")
    reference: str | None = Field(description="the top-up, if the gateway named it")

    @classmethod
    def of(cls, letter: DeadLetter) -> Self:
        """The view of a notice in `letter`."""
        notice = letter.content
        return cls(gateway=notice["gateway"], provider_id=notice["providerId"], reference=notice["reference"])


class DeadLettersView(ApiModel):
    """The notices that the worker gave up."""

    count: int = Field(description="the approximate number of messages")
    some: list[DeadNoticeView] = Field(description="up to ten of them")


class DeadLetterQueueView(ApiModel):
    """A dead-letter queue."""

    queue: str = Field(description="the function that failed, or `unsent` for changes that a queue refused")
    count: int = Field(description="the approximate number of messages")

    @classmethod
    def of(cls, found: DeadLetterCount) -> Self:
        """The view of `found`."""
        return cls(queue=found.queue, count=found.count)


class DeadLetterView(ApiModel):
    """A message that a function could not process."""

    id: str
    sent_at: datetime = Field(description="when the message was sent to the function")
    content: dict[str, Any] = Field(description="the message, such as the keys and a few fields of a change")

    @classmethod
    def of(cls, letter: DeadLetter) -> Self:
        """The view of `letter`."""
        return cls(id=letter.id, sent_at=letter.sent_at, content=dict(letter.content))


class DeadLetterQueueFile(ApiModel):
    """A dead-letter queue with some of its messages."""

    queue: str
    count: int = Field(description="the approximate number of messages")
    some: list[DeadLetterView] = Field(description="up to ten of them")


class ReplayBody(ApiModel):
    """The dead letters to replay."""

    ids: list[_LetterId] = Field(
        default_factory=list,
        max_length=_MOST_IDS,
        description="the ids to replay; empty: up to a hundred dead letters",
    )


class DiscardBody(ApiModel):
    """The dead letters to delete."""

    ids: list[_LetterId] = Field(min_length=1, max_length=_MOST_IDS)


class ReplayView(ApiModel):
    """How many were sent again."""

    replayed: int


class DiscardView(ApiModel):
    """How many were deleted."""

    discarded: int
