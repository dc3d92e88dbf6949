"""Responses of the session endpoints."""

from datetime import datetime
from typing import Self

from pydantic import Field

from chalicelib.domain.people.sessions.models import Session
from chalicelib.domain.people.sign_in.devices import device_name
from chalicelib.http import ApiModel
from chalicelib.http.models import id_of
from chalicelib.kernel.ids import Kind

SessionId = id_of(Kind.SESSION)


class SessionView(ApiModel):
    """A session of the user."""

    id: str = Field(examples=["ses_01J…"])
    is_current: bool = Field(description="Whether this request belongs to it")
    device: str = Field(examples=["Firefox on Linux"])
    user_agent: str = Field(
        description="The name that the client gives itself", examples=["Mozilla/5.0 (X11; Linux x86_64)"]
    )
    ip: str = Field(examples=["203.0.113.7"])
    created_at: datetime
    last_used_at: datetime = Field(description="Exact to a quarter of an hour")
    expires_at: datetime
    has_second_factor: bool = Field(description="Whether it began with a second factor")

    @classmethod
    def of(cls, session: Session, current_session_id: str) -> Self:
        """The view of `session`."""
        return cls(
            id=session.id,
            is_current=session.id == current_session_id,
            device=device_name(session.user_agent),
            user_agent=session.user_agent,
            has_second_factor=session.has_second_factor,
            ip=session.ip,
            created_at=session.created_at,
            last_used_at=session.last_used_at,
            expires_at=session.ends_at,
        )


class SessionEnded(ApiModel):
    """An ended session."""

    id: str = Field(examples=["ses_01J…"])
