"""A consumer of changes, and a test that holds its subscription."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tools.new.writing import Addition, Piece, PlanError, check_area, check_name, package

EVENTS = ("INSERT", "MODIFY", "REMOVE")
_KIND = re.compile(r"[A-Z]+(_[A-Z]+)*")


@dataclass(frozen=True)
class NewConsumer:
    """A function that is called for each change of a kind of item."""

    kind: str
    event: str
    name: str
    area: str
    resource: str

    def __post_init__(self) -> None:
        check_area(self.area)
        check_name(self.resource, "deployments")
        check_name(self.name, "start_operation")
        if "_" not in self.name:
            raise PlanError(f"{self.name}: name it after what it does, such as start_operation")
        if not _KIND.fullmatch(self.kind):
            raise PlanError(f"{self.kind}: write the kind as docs/data-model.md does, such as OPERATION")
        if self.event not in EVENTS:
            raise PlanError(f"{self.event} is no event; these are: {', '.join(EVENTS)}")

    def pieces(self, root: Path) -> Sequence[Piece]:
        """The code to write below `root`, by file."""
        folder = f"functions/{self.area}/{self.resource}"
        title = self.resource.replace("_", " ")
        module = f"functions.{self.area}.{self.resource}.workers"
        function = Addition(
            path=f"{folder}/workers.py",
            title=f"Work on {title} that no caller waits for.",
            imports=(
                "from chalicelib.domain.foundation.changes.models import Change",
                "from chalicelib.runtime.grants import TABLE_READ",
                "from chalicelib.runtime.triggers import on_change",
            ),
            code=f'@on_change("{self.kind}", on="{self.event}", grants=(TABLE_READ,))\n'
            f"def {self.name}(change: Change) -> None:\n"
            f'    """{self.name.replace("_", " ").capitalize()}."""\n'
            f'    raise NotImplementedError(f"Nothing follows {{change.pk}} {{change.sk}} yet.")',
        )
        test = Addition(
            path=f"tests/unit/{self.area}/test_{self.resource}_workers.py",
            title=f"Work on {title} that no caller waits for.",
            imports=(
                "from inspect import unwrap",
                "from chalicelib.domain.foundation.changes.models import Change, Event",
                f"from {module} import {self.name}",
            ),
            code=_test(self),
        )
        return [*package(folder, f"Work on {title}.", root), function, test]

    def left(self) -> Sequence[str]:
        """What the author has to do then."""
        return (
            f"Write {self.name}: one call into a service, which reads the present state and can come twice.",
            "Declare the grants that it needs, and `fields`, if it needs more of the item than its keys.",
            "Let its test show what follows a change; it fails until then.",
            "Run: make format check, and .venv/bin/python -m pytest tests/template",
        )


def _test(plan: NewConsumer) -> str:
    return (
        f"def test_{plan.name}_accepts_a_change_that_comes_twice() -> None:\n"
        f'    change = Change("1", Event.{plan.event}, "{plan.kind}", "CUSTOMER#cus_1", "{plan.kind}#1")\n'
        f"    for _ in range(2):\n"
        f"        unwrap({plan.name})(change)"
    )
