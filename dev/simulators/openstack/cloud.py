"""The simulated cloud: configuration, state, clock, and the engine that advances the state."""

import heapq
import sys
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from pydantic import ValidationError

from dev.simulators.faults import FaultBoard, Occasion
from dev.simulators.openstack.clock import LifecycleClock
from dev.simulators.openstack.config import Config, stable_hex
from dev.simulators.openstack.keypairs import fingerprint
from dev.simulators.openstack.lifecycle import Lifecycle
from dev.simulators.openstack.site import Site
from dev.simulators.openstack.stack_faults import AT_CREATE, AT_DELETE, StackFault
from dev.simulators.openstack.state import CloudState, Credential, KeyPairState, Region, Stack

DELETED_STACKS_KEPT = 300


class Cloud:
    """All regions. Not thread-safe: hold the simulator's lock."""

    def __init__(self, config: Config, base_url: str, faults: FaultBoard, state: CloudState | None = None) -> None:
        self.config = config
        self.base_url = base_url
        self.faults = faults
        self._agenda: list[tuple[float, str, str]] = []
        self._restore(state or self._fresh())

    def _restore(self, state: CloudState) -> None:
        self.state = state
        self.clock = LifecycleClock(state.speed, state.lifecycle_seconds)
        self._agenda.clear()
        for region in state.regions.values():
            for stack in region.stacks.values():
                self._plan(region, stack, state.lifecycle_seconds)

    def _fresh(self) -> CloudState:
        state = CloudState(speed=self.config.speed)
        for configured in self.config.application_credentials:
            user = next(user for user in self.config.users if user.name == configured.user)
            state.credentials[configured.id] = Credential(
                id=configured.id,
                secret=configured.secret,
                name=configured.name,
                user_id=user.id,
                project_id=stable_hex("project", configured.project),
                roles=user.roles,
            )
        for region in self.config.regions:
            state.regions[region.id] = Region(id=region.id, keypairs=self._initial_keypairs())
        return state

    def _initial_keypairs(self) -> list[KeyPairState]:
        born = datetime.fromisoformat("2026-01-01T00:00:00+00:00")
        return [
            KeyPairState(
                number=number,
                user_id=user.id,
                name=pair.name,
                public_key=pair.public_key,
                fingerprint=fingerprint(pair.public_key),
                created_at=born,
            )
            for number, (user, pair) in enumerate(
                ((user, pair) for user in self.config.users for pair in self.config.keypairs), start=1
            )
        ]

    def reset(self) -> None:
        """Forget stacks and tokens, and return to the configured speed."""
        self._restore(self._fresh())

    def snapshot(self) -> CloudState:
        """The state, with the current lifecycle time."""
        self.state.lifecycle_seconds = self.clock.seconds()
        self.state.speed = self.clock.speed
        return self.state

    def set_speed(self, speed: float) -> None:
        """Change the speed of lifecycles; raises ValueError if it is not positive."""
        self.advance()
        self.clock.set_speed(speed)

    def site(self, region: Region, project_id: str, user_id: str, seconds: float | None = None) -> Site:
        """A region as a user of a project sees it, now or at an earlier lifecycle second."""
        at = self.clock.seconds() if seconds is None else seconds
        return Site(
            config=self.config,
            region=region,
            region_url=f"{self.base_url}/regions/{region.id}",
            project_id=project_id,
            user_id=user_id,
            now=self.clock.now() if seconds is None else self.clock.wall(at),
            seconds=at,
        )

    def lifecycle(self, region: Region, stack: Stack, seconds: float | None = None) -> Lifecycle:
        """The lifecycle of a stack, now or at an earlier lifecycle second."""
        return Lifecycle(self.site(region, stack.project_id, stack.user_id, seconds), stack)

    # Requests of users

    def create_stack(self, region: Region, stack: Stack) -> None:
        """Add a validated stack and start to create it."""
        region.stacks[stack.id] = stack
        struck, delay_seconds = self._applicable_faults(region, stack, AT_CREATE)
        self.lifecycle(region, stack).create(struck, delay_seconds if StackFault.STACK_TIMEOUT in struck else None)
        self._plan(region, stack)

    def delete_stack(self, region: Region, stack: Stack) -> None:
        """Start to delete a stack."""
        self.lifecycle(region, stack).delete(self._applicable_faults(region, stack, AT_DELETE)[0])
        self._plan(region, stack)

    def update_stack(self, region: Region, stack: Stack, changed: list[str]) -> None:
        """Start to update the named resources of a stack whose definition was changed already."""
        self.lifecycle(region, stack).update(changed)
        self._plan(region, stack)

    def act_on_stack(self, region: Region, stack: Stack, action: str) -> None:
        """Start CHECK, SUSPEND or RESUME, or CANCEL the current operation."""
        lifecycle = self.lifecycle(region, stack)
        if action == "CANCEL":
            lifecycle.cancel()
        else:
            lifecycle.run_action(action)
        self._plan(region, stack)

    def _applicable_faults(
        self, region: Region, stack: Stack, kinds: Iterable[StackFault]
    ) -> tuple[list[str], float]:
        """The stack faults that take effect now, and the delay of the last of them."""
        struck, delay_seconds = [], 0.0
        for kind in sorted(kinds):
            occasion = Occasion(region=region.id, service="orchestration", name=stack.name)
            if fault := self.faults.take(occasion, {kind}):
                struck.append(fault.kind)
                delay_seconds = fault.delay_seconds
        return struck, delay_seconds

    # Progress over time

    def advance(self) -> None:
        """Do everything that is due, in order of time, for all stacks."""
        now = self.clock.seconds()
        while self._agenda and self._agenda[0][0] <= now:
            due, region_id, stack_id = heapq.heappop(self._agenda)
            region = self.state.regions[region_id]
            stack = region.stacks.get(stack_id)
            if stack is None:
                continue
            lifecycle = self.lifecycle(region, stack, due)
            planned = lifecycle.next_due()
            if planned is None or planned > due:
                continue  # It was planned twice, and the other time came first.
            lifecycle.step()
            self._plan(region, stack, due)
            if stack.is_deleted:
                self._prune(region)

    def _plan(self, region: Region, stack: Stack, seconds: float | None = None) -> None:
        due = self.lifecycle(region, stack, seconds).next_due()
        if due is not None:
            heapq.heappush(self._agenda, (due, region.id, stack.id))

    def _prune(self, region: Region) -> None:
        """Forget the oldest deleted stacks, as Heat's purge does."""
        deleted = [stack for stack in region.stacks.values() if stack.is_deleted]
        for stack in deleted[:-DELETED_STACKS_KEPT]:
            del region.stacks[stack.id]


def load_state(path: Path, config: Config) -> CloudState | None:
    """The state saved in a file; None if there is none, or if it does not fit.

    A state of another version, or of a cloud with other regions, is renamed to `….rejected`, not overwritten.
    """
    if not path.exists():
        return None
    try:
        state = CloudState.model_validate_json(path.read_text())
    except ValidationError as error:
        problem = f"{error.error_count()} errors"
    else:
        if state.regions.keys() == {region.id for region in config.regions}:
            return state
        problem = "other regions"
    rejected = path.replace(path.with_suffix(path.suffix + ".rejected"))
    print(f"The saved state does not fit ({problem}); it is kept as {rejected}", file=sys.stderr)
    return None
