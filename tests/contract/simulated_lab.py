"""The base of labs that use our simulators."""

import secrets
from abc import ABC, abstractmethod
from datetime import datetime
from typing import Any, Generic, TypeVar

from chalicelib.domain.money.top_ups.models import Amount, Method, TopUp, TopUpStatus
from chalicelib.kernel.clock import later
from dev.simulators.faults import Fault
from dev.simulators.simulator import PaymentSimulator
from dev.simulators.webhooks import Webhook
from tests.contract.gateway_lab import Delivery, Lever

SimulatorT = TypeVar("SimulatorT", bound=PaymentSimulator)


class SimulatedLab(ABC, Generic[SimulatorT]):
    """A running simulator; subclasses add the actions of payers."""

    name: str
    method: Method
    secrets: tuple[str, ...]
    levers: frozenset[Lever]
    deadline_seconds: int
    """The time for which a new top-up can be paid."""

    def __init__(self, simulator: SimulatorT) -> None:
        self.simulator = simulator
        self.simulator.start()

    @abstractmethod
    def now(self) -> datetime:
        """The present time of the service."""

    def names(self, top_up: TopUp) -> set[str]:
        """The ids of a top-up in webhooks: a webhook that contains one of them is about the top-up."""
        return {top_up.id}

    def top_up(self, amount_micros: int = 30_000_000) -> TopUp:
        """A top-up of a new customer, not yet created at the gateway."""
        now = self.now()
        return TopUp(
            id=f"top_{secrets.token_hex(8)}",
            customer_id=f"cus_{secrets.token_hex(8)}",
            gateway=self.name,
            method=self.method,
            amount=Amount(amount_micros),
            status=TopUpStatus.CREATED,
            created_at=now,
            updated_at=now,
            deadline_at=later(now, self.deadline_seconds),
        )

    def deliveries(self, top_up: TopUp) -> list[Delivery]:
        """Every webhook about a top-up, oldest first, signed as if sent at this moment."""
        names = self.names(top_up)
        history = self.simulator.outbox.history
        return [self.delivery(each) for each in history if any(name in each.body for name in names)]

    def delivery(self, webhook: Webhook) -> Delivery:
        """A webhook as it would be sent now."""
        headers = self.simulator.outbox.headers_for(webhook)
        return Delivery(webhook.body.encode(), {name.lower(): value for name, value in headers.items()})

    def inject(self, kind: str, **options: Any) -> Fault:
        """Inject a fault."""
        return self.simulator.inject(kind, **options)

    def clear_faults(self) -> None:
        """Remove all faults."""
        self.simulator.faults.clear()

    def close(self) -> None:
        """Stop the service."""
        self.simulator.stop()
