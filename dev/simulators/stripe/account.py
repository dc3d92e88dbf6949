"""The account that every part of the simulated Stripe uses."""

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
    """The first request with an idempotency key, and its answer."""

    fingerprint: str
    status: int
    body: Json


class State(BaseModel):
    """The front's own state; localstripe stores the rest."""

    extras: dict[str, dict[str, Json]] = Field(default_factory=dict)
    """Fields that localstripe does not know, by object id."""
    sessions: dict[str, dict[str, Json]] = Field(default_factory=dict)
    disputes: dict[str, dict[str, Json]] = Field(default_factory=dict)
    answers: dict[str, Answer] = Field(default_factory=dict)
    """Answers, by idempotency key."""
    webhook_url: str = ""


@dataclass
class Account:
    """One Stripe account: localstripe, the front's state, and the outbox of events."""

    backend: Backend
    state: State
    emit: Callable[[str, Json], None]
    base_url: str

    def get(self, kind: str, path: str) -> dict[str, Json]:
        """An object of localstripe.

        Raises:
            Refusal: there is none.
        """
        try:
            return self.backend.get(path)
        except BackendRefused as refusal:
            raise missing(kind, path.rsplit("/", 1)[-1]) from refusal

    def post(self, path: str, params: Mapping[str, Json] | None = None) -> dict[str, Json]:
        """Create or change an object of localstripe.

        Raises:
            Refusal: localstripe refuses.
        """
        try:
            return self.backend.post(path, dict(params or {}))
        except BackendRefused as refusal:
            code = str(refusal.error.get("code", ""))
            raise Refusal(refusal.status, str(refusal.error.get("message", "")), code) from refusal

    def extra(self, object_id: str) -> dict[str, Json]:
        """The fields of an object that localstripe does not know."""
        return self.state.extras.setdefault(object_id, {})
