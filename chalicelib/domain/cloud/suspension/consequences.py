"""Acts on the result of a look at a customer."""

from collections.abc import Callable, Sequence
from functools import partial

from chalicelib.domain.cloud.suspension.looks import LookResult
from chalicelib.domain.cloud.suspension.models import (
    SuspensionReason,
    SuspensionStatus,
)
from chalicelib.domain.cloud.suspension.ports import (
    Deletion,
    Power,
)
from chalicelib.domain.cloud.suspension.words import (
    SWITCHED_OFF_BECAUSE,
    SWITCHED_ON_BECAUSE,
)
from chalicelib.domain.money.ledger.errors import InsufficientBalance


class Consequences:
    """Suspends, resumes and deletes machines, according to the customer's current state."""

    def __init__(self, power: Power, deletion: Deletion) -> None:
        self._power = power
        self._deletion = deletion

    def begin(self, looked: LookResult) -> None:
        """Start the actions for the current state. Process every machine; raise what failed at the end.

        Raises:
            ExceptionGroup: the errors of the machines that failed.
        """
        troubles: list[Exception] = []
        act, machines = self._work(looked)
        for deployment_id in machines:
            try:
                act(looked.watch.customer_id, deployment_id)
            except InsufficientBalance:
                break  # the next look finds that the balance is too low
            except Exception as trouble:
                troubles.append(trouble)
        if troubles:
            raise ExceptionGroup(f"{looked.watch.customer_id} could not be dealt with", troubles)

    def _work(self, looked: LookResult) -> tuple[Callable[[str, str], object], Sequence[str]]:
        reason = looked.watch.reason or SuspensionReason.BALANCE
        match looked.watch.status:
            case SuspensionStatus.SUSPENDED:
                return partial(self._power.suspend, because=SWITCHED_OFF_BECAUSE[reason]), looked.machines.running
            case SuspensionStatus.RESUMING:
                return partial(self._power.resume, because=SWITCHED_ON_BECAUSE[reason]), looked.machines.stopped
            case SuspensionStatus.DELETING:
                return self._deletion.delete_unpaid, looked.machines.kept
        return self._deletion.delete_unpaid, ()
