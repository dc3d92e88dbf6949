"""Plays payers and payment services, through the control APIs of the simulators."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dev.demo.checks import await_value
from dev.demo.client import ask, ask_text

_SENDING_SECONDS = 15.0
_CONTROL_SECONDS = 20.0


@dataclass(frozen=True)
class Payers:
    """Sends commands to the `simulators` of the local cloud, which `endpoints.json` lists."""

    simulators: Mapping[str, Mapping[str, str]]

    def do(self, gateway: str, path: str, **body: Any) -> Any:
        """Send a command to the simulator of `gateway`; return its answer.

        Raises:
            StepFailed: it refuses the command.
        """
        url = f"{self.simulators[gateway]['control']}{path}"
        return ask("POST", url, json=body, timeout_seconds=_CONTROL_SECONDS)

    def look(self, gateway: str, path: str) -> Any:
        """Read JSON from the simulator of `gateway`.

        Raises:
            StepFailed: it shows nothing there.
        """
        return ask("GET", f"{self.simulators[gateway]['control']}{path}")

    def read(self, gateway: str, path: str) -> str:
        """Read text from the simulator of `gateway`.

        Raises:
            StepFailed: it shows nothing there.
        """
        return ask_text("GET", f"{self.simulators[gateway]['control']}{path}")

    def pay_by_card(self, checkout: Mapping[str, Any]) -> None:
        """Pay with a valid card, as in Stripe's form in the front end."""
        intent = checkout["clientSecret"].partition("_secret")[0]
        self.do("stripe", f"/payments/{intent}/pay")

    def newest_webhook(self, gateway: str) -> str:
        """The id of the last event that `gateway` sent."""
        return str(self.look(gateway, "/webhooks")["webhooks"][-1]["id"])

    def send_again(self, gateway: str, event_id: str, *, times: int, forged: bool = False) -> list[int]:
        """Deliver an event again, or with a forged signature; return the statuses of the answers.

        Raises:
            StepFailed: an attempt got no answer in time.
        """
        before = len(self._attempts(gateway, event_id))
        self.do(gateway, f"/webhooks/{event_id}/deliver", times=times, forged=forged)

        def answered() -> list[int] | None:
            attempts = self._attempts(gateway, event_id)[before:]
            return attempts if len(attempts) >= times else None

        return await_value(f"{times} answers to {event_id}", answered, deadline_seconds=_SENDING_SECONDS)

    def _attempts(self, gateway: str, event_id: str) -> list[int]:
        webhooks = self.look(gateway, "/webhooks")["webhooks"]
        return next(list(webhook["attempts"]) for webhook in webhooks if webhook["id"] == event_id)
