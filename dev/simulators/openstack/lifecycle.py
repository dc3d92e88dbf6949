"""The lifecycle of one stack: what Heat's engine does with it, step by step, and the events that this leaves.

Nothing here runs by itself. `Lifecycle.step` does what is due at one lifecycle second, and `next_due` tells when
there is more to do. So the whole region advances when a request arrives.
"""

import random
import string
from dataclasses import dataclass
from typing import Final

from dev.simulators.openstack.hot import resource_label
from dev.simulators.openstack.plans import plan_of, resource_properties
from dev.simulators.openstack.resources import TYPES, ResourceError
from dev.simulators.openstack.site import Site, new_uuid
from dev.simulators.openstack.stack_faults import StackFault
from dev.simulators.openstack.state import Event, Operation, Phase, Resource, Stack

DEFAULT_TIMEOUT_MINS: Final = 60
BEGIN_SECONDS: Final = 0.4
SETTLE_SECONDS: Final = 0.2
CANCEL_SECONDS: Final = 0.3
"""How long a cancelled create shows as CREATE_FAILED before its deletion begins."""
ABORT_SECONDS: Final = 1.5
"""How long the deletion of a resource waits after its creation was aborted."""
RETRY_WAITS_SECONDS: Final = (3.0, 6.0, 9.0, 17.0, 34.0)
"""How long Heat waited before each of its five retries of a server without a host, as recorded."""
PASS_SECONDS: Final = 0.4
UPDATE_SECONDS: Final = 2.0


def placeholder(stack_name: str, resource_name: str) -> str:
    """A physical name as Heat generates it."""
    suffix = "".join(random.choices(string.ascii_lowercase + string.digits, k=12))
    return f"{stack_name}-{resource_name}-{suffix}"


@dataclass
class Lifecycle:
    """One stack at one instant (`site.seconds`)."""

    site: Site
    stack: Stack

    # Requests

    def create(self, faults: list[str], deadline_seconds: float | None = None) -> None:
        """Start to create the stack."""
        plan = plan_of(self.stack)
        for name, definition in plan.resources.items():
            self.stack.resources[name] = Resource(
                name=name,
                type=definition["type"],
                requires=plan.requirements[name],
                placeholder=placeholder(self.stack.name, name),
                created_at=self.site.now,
                updated_at=self.site.now,
                faults=faults,
            )
        self._operate("CREATE", BEGIN_SECONDS, faults, deadline_seconds)
        self._announce("CREATE", "IN_PROGRESS", "Stack CREATE started")

    def delete(self, faults: list[str]) -> None:
        """Start to delete the stack, whatever it is doing."""
        self.stack.updated_at = self.site.now
        if self.stack.status != "IN_PROGRESS":
            self._operate("DELETE", 0.0, faults)
            self._announce("DELETE", "IN_PROGRESS", "Stack DELETE started")
        elif self.stack.action == "DELETE":
            # A second request cancels the first and continues from there.
            self._announce("DELETE", "FAILED", "Stack DELETE cancelled")
            self._announce("DELETE", "IN_PROGRESS", "Stack DELETE started")
        else:
            self._announce(self.stack.action, "FAILED", f"Stack {self.stack.action} cancelled")
            self._operate("DELETE", CANCEL_SECONDS, faults)

    def update(self, changed: list[str]) -> None:
        """Start an update of the changed resources; it also finishes what a create has not finished."""
        self.stack.updated_at = self.site.now
        self._operate("UPDATE", 0.0, [], ends_seconds=UPDATE_SECONDS).changed = changed
        self._announce("UPDATE", "IN_PROGRESS", "Stack UPDATE started")

    def run_action(self, action: str) -> None:
        """Start CHECK, SUSPEND or RESUME."""
        self.stack.updated_at = self.site.now
        self._announce(action, "IN_PROGRESS", f"Stack {action} started")
        busy = next((item for item in self.stack.resources.values() if item.status == "IN_PROGRESS"), None)
        if busy is not None and action != "CHECK":
            state = f"('{busy.action}', '{busy.status}')"
            self._fail(
                action,
                f"Resource {action} failed: Error: resources.{busy.name}: State {state}"
                f" invalid for {action.lower()}",
            )
            return
        self._operate(action, 0.0, [])

    def cancel(self) -> None:
        """Stop the current operation, and leave its resources as they are."""
        self._fail(self.stack.action, f"Stack {self.stack.action} cancelled")

    # Progress over time

    def next_due(self) -> float | None:
        """The lifecycle second at which there is something to do; None if there is nothing."""
        times = [item.due for item in self.stack.resources.values() if item.due is not None]
        if operation := self.stack.operation:
            times.append(operation.deadline)
            if not operation.begun:
                times.append(operation.begins)
            elif operation.ends:
                times.append(operation.ends)
        return min(times, default=None)

    def step(self) -> None:
        """Do everything that is due."""
        operation = self.stack.operation
        if operation and self.site.seconds >= operation.deadline:
            self._time_out(operation)
            return
        for resource in list(self.stack.resources.values()):
            if resource.due is not None and resource.due <= self.site.seconds:
                self._end_phase(resource)
        operation = self.stack.operation
        if operation and not operation.begun and self.site.seconds >= operation.begins:
            self._begin(operation)
        if operation and operation.begun and self.stack.operation is operation:
            self._drive(operation)

    # Operations

    def _operate(
        self,
        action: str,
        begin_seconds: float,
        faults: list[str],
        deadline_seconds: float | None = None,
        ends_seconds: float = 0.0,
    ) -> Operation:
        timeout_seconds = 60.0 * (self.stack.timeout_mins or DEFAULT_TIMEOUT_MINS)
        begins = self.site.seconds + begin_seconds
        self.stack.operation = Operation(
            action=action,
            begins=begins,
            deadline=begins + (timeout_seconds if deadline_seconds is None else deadline_seconds),
            ends=self.site.seconds + ends_seconds if ends_seconds else 0.0,
            faults=faults,
        )
        return self.stack.operation

    def _begin(self, operation: Operation) -> None:
        operation.begun = True
        if operation.action == "DELETE":
            self._begin_delete(operation)
        elif operation.action in {"CHECK", "SUSPEND", "RESUME"}:
            for resource in self.stack.resources.values():
                self._begin_pass(resource, operation.action)

    def _begin_pass(self, resource: Resource, action: str) -> None:
        if action == "CHECK" and not TYPES[resource.type].can_be_checked:
            self._record(resource, action, "COMPLETE", f"CHECK not supported for {resource.type}")
            return
        self._record(resource, action, "IN_PROGRESS", "state changed")
        self._enter(resource, "passing", PASS_SECONDS)

    def _begin_delete(self, operation: Operation) -> None:
        if self.stack.action != "DELETE":
            self._announce("DELETE", "IN_PROGRESS", "Stack DELETE started")
        for resource in list(self.stack.resources.values()):
            if resource.action == "INIT":
                del self.stack.resources[resource.name]
            elif resource.phase in {"creating", "discarding", "waiting"} or resource.status == "IN_PROGRESS":
                self._record(resource, "CREATE", "FAILED", "CREATE aborted (user triggered cancel)")
                # Only the wait ends this phase: `_drive` deletes resources without a phase.
                self._enter(resource, "passing", ABORT_SECONDS)
        self._block_deletion(operation.faults)

    def _block_deletion(self, faults: list[str]) -> None:
        """Create the obstacles to the deletion that the faults ask for."""
        for resource in self.stack.resources.values():
            port = self.site.region.ports.get(resource.physical_id)
            if port and StackFault.DELETE_FAILED_PORT in faults:
                port.undeletable_by_heat = True
            volume = self.site.region.volumes.get(resource.physical_id)
            if volume and resource.type == "OS::Cinder::Volume" and StackFault.DELETE_FAILED_VOLUME in faults:
                volume.undeletable_by_heat = True
            is_group = resource.physical_id in self.site.region.security_groups
            if is_group and StackFault.DELETE_FAILED_FOREIGN_PORT in faults:
                network = next(item for item in self.site.config.networks if not item.external)
                self.site.new_port(
                    network, name=f"{self.stack.name}-leftover", security_groups=[resource.physical_id]
                )

    def _drive(self, operation: Operation) -> None:
        resources = self.stack.resources.values()
        if operation.action in {"CREATE", "UPDATE"}:
            self._start_ready()
            self._update_ready(operation)
            done = all(item.status == "COMPLETE" and item.action != "INIT" for item in resources)
        elif operation.action in {"DELETE", "ROLLBACK"}:
            self._delete_ready(operation)
            done = not self.stack.resources
        else:
            done = all(item.phase is None for item in resources)
        if self.stack.operation is not operation:
            return
        if not done:
            if self.site.seconds >= operation.ends:
                operation.ends = 0.0  # Its time is over, but not its work: it ends when that is done.
            return
        if operation.ends == 0.0:
            operation.ends = self.site.seconds + SETTLE_SECONDS
        elif self.site.seconds >= operation.ends:
            self._complete(operation)

    def _complete(self, operation: Operation) -> None:
        self.stack.operation = None
        if operation.action == "UPDATE":
            for resource in self.stack.resources.values():
                TYPES[resource.type].refresh(self.site, resource)
        if operation.action == "DELETE":
            self.stack.deleted_at = self.site.now
        remark = ". 'CHECK' not fully supported (see resources)" if operation.action == "CHECK" else ""
        self._announce(operation.action, "COMPLETE", f"Stack {operation.action} completed successfully{remark}")

    def _fail(self, action: str, reason: str) -> None:
        self.stack.operation = None
        self._announce(action, "FAILED", reason)
        if action == "CREATE" and not self.stack.disable_rollback and not reason.endswith("cancelled"):
            self.stack.updated_at = self.site.now
            self._operate("ROLLBACK", 0.0, [])
            self._announce("ROLLBACK", "IN_PROGRESS", "Stack ROLLBACK started")
            for resource in list(self.stack.resources.values()):
                if resource.action == "INIT":
                    del self.stack.resources[resource.name]

    def _time_out(self, operation: Operation) -> None:
        for resource in self.stack.resources.values():
            if resource.status != "IN_PROGRESS":
                continue
            self._leave(resource)
            task = resource_label(resource.type, resource.name)
            self._record(
                resource,
                resource.action,
                "FAILED",
                f"{resource.action} aborted (Task {resource.action.lower()} from {task}"
                f' Stack "{self.stack.name}" [{self.stack.id}] Timed out)',
            )
        self._fail(operation.action, "Timed out")

    # Resources

    def _start_ready(self) -> None:
        for resource in self.stack.resources.values():
            needed = (self.stack.resources.get(name) for name in resource.requires)
            if resource.action == "INIT" and all(
                item is not None and item.status == "COMPLETE" and item.action != "INIT" for item in needed
            ):
                self._start(resource)
                if self.stack.operation is None:
                    return

    def _update_ready(self, operation: Operation) -> None:
        for name in list(operation.changed):
            resource = self.stack.resources.get(name)
            if resource is None or (resource.status == "COMPLETE" and resource.action != "INIT"):
                operation.changed.remove(name)
            if resource is not None and name not in operation.changed:
                resource.properties = resource_properties(self.site, self.stack, name)
                self._record(resource, "UPDATE", "IN_PROGRESS", "state changed")
                self._enter(resource, "passing", PASS_SECONDS)

    def _start(self, resource: Resource) -> None:
        resource.properties = resource_properties(self.site, self.stack, resource.name)
        self._record(resource, "CREATE", "IN_PROGRESS", "state changed")
        kind = TYPES[resource.type]
        try:
            resource.physical_id = kind.create(self.site, resource)
        except ResourceError as error:
            self._failed(resource, error)
            return
        self._enter(resource, "creating", kind.duration(self.site, resource))
        stuck = {StackFault.CREATE_STUCK, StackFault.STACK_TIMEOUT} & set(resource.faults)
        if stuck and self._is_main(resource):
            resource.due = None

    def _is_main(self, resource: Resource) -> bool:
        """Whether the stack depends on this resource: its server, if it has one."""
        servers = [item.name for item in self.stack.resources.values() if item.type == "OS::Nova::Server"]
        return resource.name in servers or not servers

    def _end_phase(self, resource: Resource) -> None:
        phase = resource.phase
        self._leave(resource)
        if phase == "creating":
            self._created(resource)
        elif phase == "discarding":
            self._discarded(resource)
        elif phase == "waiting":
            self._start(resource)
        elif phase == "deleting":
            self._deleted(resource)
        elif resource.status == "IN_PROGRESS":
            self._record(resource, resource.action, "COMPLETE", "state changed")
            self._passed(resource)

    def _created(self, resource: Resource) -> None:
        try:
            TYPES[resource.type].complete(self.site, resource)
        except ResourceError as error:
            self._failed(resource, error)
            return
        self._record(resource, "CREATE", "COMPLETE", "state changed")

    def _failed(self, resource: Resource, error: ResourceError) -> None:
        self._record(resource, "CREATE", "FAILED", error.reason)
        operation = self.stack.operation
        if operation is None or operation.action not in {"CREATE", "UPDATE"}:
            return
        if error.retried and resource.attempt < len(RETRY_WAITS_SECONDS):
            self._record(resource, "DELETE", "IN_PROGRESS", "state changed")
            self._enter(resource, "discarding", TYPES[resource.type].delete_seconds)
        else:
            self._fail(operation.action, f"Resource CREATE failed: {error.reason}")

    def _discarded(self, resource: Resource) -> None:
        TYPES[resource.type].delete(self.site, resource)
        self._record(resource, "DELETE", "COMPLETE", "state changed")
        # The API shows it as being created all the time: only the events show the retries.
        resource.action, resource.status = "CREATE", "IN_PROGRESS"
        self._enter(resource, "waiting", RETRY_WAITS_SECONDS[resource.attempt])
        resource.attempt += 1

    def _delete_ready(self, operation: Operation) -> None:
        for resource in list(self.stack.resources.values()):
            held = any(resource.name in other.requires for other in self.stack.resources.values())
            if held or resource.phase is not None:
                continue
            self._record(resource, "DELETE", "IN_PROGRESS", "state changed")
            self._enter(resource, "deleting", TYPES[resource.type].delete_seconds)
            if StackFault.DELETE_STUCK in operation.faults:
                resource.due = None

    def _deleted(self, resource: Resource) -> None:
        try:
            TYPES[resource.type].delete(self.site, resource)
        except ResourceError as error:
            self._record(resource, "DELETE", "FAILED", error.reason)
            if self.stack.operation:
                self._fail(self.stack.operation.action, f"Resource DELETE failed: {error.reason}")
            return
        self._record(resource, "DELETE", "COMPLETE", "state changed")
        del self.stack.resources[resource.name]

    def _passed(self, resource: Resource) -> None:
        server = self.site.region.servers.get(resource.physical_id)
        if server and resource.action in {"SUSPEND", "RESUME"}:
            server.status = "SUSPENDED" if resource.action == "SUSPEND" else "ACTIVE"
            server.updated_at = self.site.now

    def _enter(self, resource: Resource, phase: Phase, seconds: float) -> None:
        resource.phase, resource.due = phase, self.site.seconds + seconds

    def _leave(self, resource: Resource) -> None:
        resource.phase, resource.due = None, None

    # Events

    def _announce(self, action: str, status: str, reason: str) -> None:
        stack = self.stack
        stack.action, stack.status, stack.reason = action, status, reason
        stack.events.append(
            Event(
                id=new_uuid(),
                resource_name=stack.name,
                resource_type="OS::Heat::Stack",
                physical_id=stack.id,
                status=f"{action}_{status}",
                reason=reason,
                time=self.site.now,
            )
        )

    def _record(self, resource: Resource, action: str, status: str, reason: str) -> None:
        resource.action, resource.status, resource.reason = action, status, reason
        self.stack.events.append(
            Event(
                id=new_uuid(),
                resource_name=resource.name,
                resource_type=resource.type,
                physical_id=resource.physical_id or resource.placeholder,
                status=f"{action}_{status}",
                reason=reason,
                time=self.site.now,
                properties=resource.properties,
            )
        )
