"""What every part of the simulated Stripe works on."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from pydantic import BaseModel, Field

from dev.simulators.http import Json
from dev.simulators.stripe.backend import Backend, BackendRefused
from dev.simulators.stripe.wire import Refusal, missing

WEBHOOK_SECRET: Final = "whsec_simulated_stripe_signing_secret"
SECRET_KEY: Final = "sk_test_simulated_stripe"


class Answer(BaseModel):
    """What the first request with an idempotency key was, and what it was answered."""

    fingerprint: str
    status: int
    body: Json


class State(BaseModel):
    """What the front keeps beside localstripe."""

    extras: dict[str, dict[str, Json]] = Field(default_factory=dict)
    """By object id: fields that localstripe does not know."""
    sessions: dict[str, dict[str, Json]] = Field(default_factory=dict)
    disputes: dict[str, dict[str, Json]] = Field(default_factory=dict)
    answers: dict[str, Answer] = Field(default_factory=dict)
    """By idempotency key."""
    webhook_url: str = ""


@dataclass
class Account:
    """One Stripe account: localstripe, what the front keeps, and where events go."""

    backend: Backend
    state: State
    emit: Callable[[str, Json], None]
    base_url: str

    def get(self, kind: str, path: str) -> dict[str, Json]:
        """An object of localstripe's.

        Raises:
            Refusal: there is none.
        """
        try:
            return self.backend.get(path)
        except BackendRefused as refusal:
            raise missing(kind, path.rsplit("/", 1)[-1]) from refusal

    def post(self, path: str, params: Mapping[str, Json] | None = None) -> dict[str, Json]:
        """Make or change an object of localstripe's.

        Raises:
            Refusal: it may not be.
        """
        try:
            return self.backend.post(path, dict(params or {}))
        except BackendRefused as refusal:
            code = str(refusal.error.get("code", ""))
            raise Refusal(refusal.status, str(refusal.error.get("message", "")), code) from refusal

    def extra(self, object_id: str) -> dict[str, Json]:
        """The fields of an object that localstripe does not know."""
        return self.state.extras.setdefault(object_id, {})
