"""Heat's stacks over HTTP: the requests, and the meaning of the answers.

Where Heat behaves unexpectedly, a comment gives the reason; each case was observed on a real Heat and is in the
recorded answers that the simulator is tested against.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote, urlencode

from chalicelib.adapters.providers.openstack.connections import ProjectConnection, reading
from chalicelib.adapters.providers.openstack.failures import (
    error_from_answer,
    failure_from_reason,
    kind_of,
    message_of,
    one_line,
)
from chalicelib.domain.cloud.providers.errors import ProviderError
from chalicelib.domain.cloud.providers.models import Machine, MachineEvent, MachineRef, MachineState
from chalicelib.kernel.clock import parse_isoformat
from chalicelib.kernel.dataclasses import dataclass

_HEAT: Final = "orchestration"
_EVENTS_PAGE: Final = 100
_STACKS_PAGE: Final = 100

CANCELLED: Final = "Stack CREATE cancelled"
"""The reason of a stack that is deleted while it is created, between its CREATE_FAILED and DELETE_IN_PROGRESS."""

_STATES: Final[Mapping[str, MachineState]] = {
    "CREATE_COMPLETE": MachineState.READY,
    "CREATE_FAILED": MachineState.FAILED,
    "ROLLBACK_COMPLETE": MachineState.FAILED,
    "ROLLBACK_FAILED": MachineState.FAILED,
    "UPDATE_FAILED": MachineState.FAILED,
    "DELETE_IN_PROGRESS": MachineState.DELETING,
    "DELETE_FAILED": MachineState.DELETE_FAILED,
    "DELETE_COMPLETE": MachineState.GONE,
}
"""For other statuses the ending counts: IN_PROGRESS is BUILDING, and COMPLETE (of an update, a check, or a resume
that staff made by hand) is READY. A failed CHECK, SUSPEND, RESUME or SNAPSHOT says nothing about the build: READY
too.
"""


@dataclass(frozen=True)
class Stack:
    """The state of a stack when it was read. `outputs` is filled if requested and the status is COMPLETE."""

    id: str
    name: str
    status: str
    reason: str
    tags: frozenset[str]
    created_at: datetime
    outputs: Mapping[str, Any] = field(default_factory=dict)

    @property
    def state(self) -> MachineState:
        """The machine's state that the status stands for."""
        if self.status == "CREATE_FAILED" and self.reason == CANCELLED:
            return MachineState.DELETING
        if self.status.endswith("_IN_PROGRESS"):
            return _STATES.get(self.status, MachineState.BUILDING)
        return _STATES.get(self.status, MachineState.READY)

    def as_machine(self, ref: MachineRef) -> Machine:
        """Return the machine at `ref`, which this stack is."""
        found = MachineRef(ref.region, ref.placement, ref.name, self.id)
        failed = self.state in {MachineState.FAILED, MachineState.DELETE_FAILED}
        return Machine(found, self.state, failure_from_reason(self.reason) if failed else None)


@dataclass(frozen=True)
class Resource:
    """A part of a stack. `physical_id` is the id in its own service; empty before it was created."""

    type: str
    physical_id: str
    status: str


def create_stack(
    heat: ProjectConnection,
    *,
    name: str,
    template: str,
    parameters: Mapping[str, str | int],
    tags: Sequence[str],
    timeout_minutes: int,
) -> str | None:
    """Start a stack and return its id; None if the name is in use by a failed stack or one in progress.

    There is no rollback: a failed stack stays, with its reason, until it is deleted.

    Raises:
        ProviderError: as for `ProjectConnection.call`.
    """
    answer = heat.call(
        "POST",
        _HEAT,
        "/stacks",
        json={
            "stack_name": name,
            "template": template,
            "parameters": parameters,
            "tags": ",".join(tags),
            "disable_rollback": True,
            "timeout_mins": timeout_minutes,
        },
        also={409},
    )
    if answer.status == 409 and kind_of(answer.body) == "StackExists":
        return None
    if answer.status == 409:
        raise error_from_answer(f"create of stack {name}", answer.status, answer.body)
    with reading(f"create of stack {name}"):
        return str(answer.body["stack"]["id"])  # a 201 contains only id and links


def stack_by_name(heat: ProjectConnection, name: str) -> Stack | None:
    """Return the existing stack called `name`; deleted stacks are not found by name."""
    stack_id = stack_id_by_name(heat, name)
    return None if stack_id is None else stack_by_id(heat, name, stack_id)


def stack_id_by_name(heat: ProjectConnection, name: str) -> str | None:
    """Return the id of the existing stack called `name`: Heat redirects from the name to the id."""
    answer = heat.call("GET", _HEAT, f"/stacks/{quote(name, safe='')}", also={302, 404})
    if answer.status == 404:
        return None
    if answer.status == 302:
        return answer.location.split("?", 1)[0].rstrip("/").rsplit("/", 1)[-1]
    with reading(f"stack {name}"):
        return str(answer.body["stack"]["id"])


def stack_by_id(heat: ProjectConnection, name: str, stack_id: str, *, outputs: bool = False) -> Stack | None:
    """Return the stack, even long after its deletion (with status DELETE_COMPLETE); None if Heat does not know it.

    `outputs` requests their values, for which Heat calls Nova and Neutron.
    """
    answer = heat.call("GET", _HEAT, f"{_path(name, stack_id)}?resolve_outputs={outputs}", also={404})
    if answer.status == 404:
        return None
    with reading(f"stack {name}"):
        return _stack(answer.body["stack"])


def delete_stack(heat: ProjectConnection, name: str, stack_id: str) -> None:
    """Request the stack's deletion, which continues after the answer; safe to repeat, and after the deletion.

    At the end of a deletion Heat may answer 400: it has deleted the stack's credentials, and fails without them.
    So a 400 counts as an error only if the stack is not being deleted.
    """
    answer = heat.call("DELETE", _HEAT, _path(name, stack_id), also={400, 404})
    if answer.status != 400:
        return
    stack = stack_by_id(heat, name, stack_id)
    if stack is not None and stack.state not in {MachineState.DELETING, MachineState.GONE}:
        raise ProviderError(one_line(f"delete of stack {name}: 400 {message_of(answer.body)}"))


def count_stacks(heat: ProjectConnection) -> int:
    """Return the number of stacks in the project, including those of other owners: they share the limit."""
    answer = heat.call("GET", _HEAT, "/stacks?with_count=True&limit=1")
    with reading("count of stacks"):
        return int(answer.body["count"])


def tagged_stacks(heat: ProjectConnection, tag: str) -> Iterator[Stack]:
    """Yield every existing stack with `tag`, each once, oldest first.

    Heat starts from the beginning if it does not know the marker. So a page with only known stacks is the end.
    """
    seen: set[str] = set()
    marker = ""
    while True:
        query = {"tags": tag, "sort_keys": "creation_time", "sort_dir": "asc", "limit": _STACKS_PAGE}
        answer = heat.call("GET", _HEAT, f"/stacks?{urlencode(query)}{marker and f'&marker={marker}'}")
        with reading("list of stacks"):
            page = [_stack(body) for body in answer.body["stacks"]]
        fresh = [stack for stack in page if stack.id not in seen]
        yield from fresh
        if len(page) < _STACKS_PAGE or not fresh:
            return
        seen.update(stack.id for stack in fresh)
        marker = fresh[-1].id


def stack_events(heat: ProjectConnection, name: str, stack_id: str, after: str | None) -> Sequence[MachineEvent]:
    """Return the stack's events after the event `after`, oldest first.

    Heat sorts events of one second by their serial number, and its marker follows that order, so that such events
    are neither lost nor repeated. With an unknown marker it starts from the beginning.
    """
    events: list[MachineEvent] = []
    marker = after
    while True:
        query = {"sort_dir": "asc", "limit": str(_EVENTS_PAGE)} | ({"marker": marker} if marker else {})
        answer = heat.call("GET", _HEAT, f"{_path(name, stack_id)}/events?{urlencode(query)}", also={404})
        if answer.status == 404:
            return events
        with reading(f"events of stack {name}"):
            page = [_event(body) for body in answer.body["events"]]
        events += page
        if len(page) < _EVENTS_PAGE:
            return events
        marker = page[-1].id


def stack_resources(heat: ProjectConnection, name: str, stack_id: str) -> Sequence[Resource]:
    """Return the stack's resources; none if the stack does not exist."""
    answer = heat.call("GET", _HEAT, f"{_path(name, stack_id)}/resources", also={404})
    if answer.status == 404:
        return []
    with reading(f"resources of stack {name}"):
        return [_resource(body) for body in answer.body["resources"]]


def _path(name: str, stack_id: str) -> str:
    return f"/stacks/{quote(name, safe='')}/{quote(stack_id, safe='')}"


def _stack(body: Mapping[str, Any]) -> Stack:
    status = str(body["stack_status"])
    values = body.get("outputs") if status.endswith("_COMPLETE") else None
    return Stack(
        id=str(body["id"]),
        name=str(body["stack_name"]),
        status=status,
        reason=str(body.get("stack_status_reason") or ""),
        tags=frozenset(body.get("tags") or ()),
        created_at=parse_isoformat(body["creation_time"]),
        outputs={output["output_key"]: output.get("output_value") for output in values or ()},
    )


def _event(body: Mapping[str, Any]) -> MachineEvent:
    return MachineEvent(
        id=str(body["id"]),
        at=parse_isoformat(body["event_time"]),
        resource=str(body["resource_name"]),
        status=str(body["resource_status"]),
        reason=str(body.get("resource_status_reason") or ""),
    )


def _resource(body: Mapping[str, Any]) -> Resource:
    return Resource(
        type=str(body["resource_type"]),
        physical_id=str(body.get("physical_resource_id") or ""),
        status=str(body["resource_status"]),
    )
