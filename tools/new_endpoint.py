"""Writes the skeleton of an endpoint, its models and a test:

    python -m tools.new_endpoint POST /volumes create_volume --area cloud --scope deployments:write

The function calls a part that the area's container (`chalicelib/wiring`) does not have yet: types and the
generated route tests say so until it is there. Files that exist are added to.
"""

import argparse
import ast
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic.alias_generators import to_pascal, to_snake

from chalicelib.domain.foundation.access.models import Scope
from chalicelib.kernel.ids import Kind

ROOT = Path(__file__).parents[1]
_CREATED = {"POST": "status=201"}
AREAS = tuple(sorted(path.parent.name for path in (ROOT / "chalicelib/domain").glob("*/__init__.py")))
"""The areas that an endpoint can belong to."""

_NAME = re.compile(r"[a-z]+(_[a-z0-9]+)+")


class PlanError(ValueError):
    """What was asked for cannot be written."""


@dataclass(frozen=True)
class Addition:
    """Code for the end of a file, with the imports that it needs; `title` is for a file that is new."""

    path: str
    title: str
    imports: tuple[str, ...]
    code: str

    def added_to(self, text: str) -> str:
        """`text` with the imports after its docstring and the code at its end."""
        text = text or f'"""{self.title}"""\n'
        first = ast.parse(text).body[0]
        lines = text.splitlines()
        head, rest = lines[: first.end_lineno], lines[first.end_lineno :]
        return "\n".join([*head, "", *self.imports, *rest, "", "", self.code, ""])


@dataclass(frozen=True)
class Plan:
    """What is asked for."""

    method: str
    path: str
    name: str
    area: str
    scope: Scope | None = None

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise PlanError(f"{self.name}: name it after what it does, such as create_volume")
        if self.area not in AREAS:
            raise PlanError(f"{self.area} is no area; these are: {', '.join(AREAS)}")
        for kind in self.ids.values():
            if kind not in Kind.__members__:
                raise PlanError(f"add {kind} to Kind in chalicelib/kernel/ids.py first")

    @property
    def module(self) -> str:
        """The module of its resource: that of `/ssh-keys/{sshKeyId}` is `ssh_keys`."""
        words = [word for word in self.path.split("/") if re.fullmatch(r"(?!v\d)[\w-]+", word)]
        return words[0].replace("-", "_")

    @property
    def folder(self) -> str:
        """Where its endpoints and their schemas stand, side by side."""
        return f"functions/{self.area}/{self.module}"

    @property
    def ids(self) -> dict[str, str]:
        """The ids in its path, such as `sshKeyId`, with the name of their `Kind`."""
        return {name: to_snake(name.removesuffix("Id")).upper() for name in re.findall(r"{(\w+)}", self.path)}

    @property
    def has_body(self) -> bool:
        """Whether such a request brings something."""
        return self.method in {"POST", "PUT", "PATCH"}

    def additions(self) -> Sequence[Addition]:
        """All that is to be written."""
        return self._function(), self._models(), self._test()

    def _function(self) -> Addition:
        view, body = f"{to_pascal(self.name)}View", f"{to_pascal(self.name)}Request"
        names = {to_snake(name): to_pascal(to_snake(name)) for name in self.ids}
        scope = f"scope=Scope.{self.scope.name}" if self.scope else None
        declared = filter(None, [f'"{self.method}"', f'"{self.path}"', _CREATED.get(self.method), scope])
        takes = [f"{name}: {kind}" for name, kind in names.items()] + (
            [f"request: {body}"] if self.has_body else []
        )
        gives = ["caller.reach", *names, *(["request.name"] if self.has_body else [])]
        models = ", ".join([view, *names.values(), *([body] if self.has_body else [])])
        return Addition(
            path=f"{self.folder}/endpoints.py",
            title=f"{self._title}.",
            imports=(
                "from chalicelib.wiring.app import app",
                *(["from chalicelib.domain.foundation.access.models import Scope"] if scope else []),
                "from chalicelib.http import Caller, endpoint",
                f"from {self.folder.replace('/', '.')}.schemas import {models}",
            ),
            code=f"@endpoint({', '.join(declared)})\n"
            f"def {self.name}({', '.join([*takes, 'caller: Caller'])}) -> {view}:\n"
            f'    """{self._sentence}."""\n'
            f"    return {view}.of(app().{self.area}.{self.module}.{self.name.split('_')[0]}({', '.join(gives)}))",
        )

    def _models(self) -> Addition:
        path = f"{self.folder}/schemas.py"
        there = (ROOT / path).read_text() if (ROOT / path).exists() else ""
        types = [f"{name[0].upper()}{name[1:]} = id_of(Kind.{kind})" for name, kind in self.ids.items()]
        body = (
            f"class {to_pascal(self.name)}Request(ApiModel):\n"
            f'    """What is asked for."""\n\n'
            f'    name: str = Field(min_length=1, max_length=64, examples=["one"])\n\n\n'
        )
        view = (
            f"class {to_pascal(self.name)}View(ApiModel):\n"
            f'    """What is answered."""\n\n'
            f"    name: str\n\n"
            f"    @classmethod\n"
            f"    def of(cls, name: str) -> Self:\n"
            f'        """The view of what is called `name`."""\n'
            f"        return cls(name=name)"
        )
        return Addition(
            path=path,
            title=f"What the endpoints of {self._title.lower()} take and answer.",
            imports=(
                "from typing import Self",
                "from pydantic import Field",
                "from chalicelib.http import ApiModel",
                "from chalicelib.http.models import id_of",
                "from chalicelib.kernel.ids import Kind",
            ),
            code="".join(f"{line}\n\n\n" for line in types if line not in there)
            + (body if self.has_body else "")
            + view,
        )

    def _test(self) -> Addition:
        json = ', {"name": "one"}' if self.has_body else ""
        path = re.sub(r"{\w+}", "x", self.path)
        return Addition(
            path=f"tests/integration/{self.area}/test_{self.module}.py",
            title=f"{self._title}, through the API.",
            imports=("from tests.support.api import Api",),
            code=f"def test_{self.name}_wants_somebody_known(api: Api) -> None:\n"
            f'    assert api.{self.method.lower()}("{path}"{json}).code == "UNAUTHORIZED"',
        )

    @property
    def _title(self) -> str:
        return self.module.replace("_", " ").capitalize()

    @property
    def _sentence(self) -> str:
        return self.name.replace("_", " ").capitalize()


def write(plan: Plan, root: Path) -> Sequence[Path]:
    """Write the skeleton below `root`; the files that were made or added to."""
    paths = []
    for addition in plan.additions():
        path = root / addition.path
        path.parent.mkdir(parents=True, exist_ok=True)
        package = path.with_name("__init__.py")
        if plan.folder in addition.path and not package.exists():
            package.write_text(
                f'"""Requests and answers of `{plan.module}`, and the one call that serves each."""\n'
            )
        path.write_text(addition.added_to(path.read_text() if path.exists() else ""))
        paths.append(path)
    for tidy in (["check", "--quiet", "--fix", "--select", "I,F401"], ["format", "--quiet"]):
        subprocess.run([sys.executable, "-m", "ruff", *tidy, *paths], cwd=ROOT, check=True)
    return paths


def main() -> None:
    """Write the skeleton, and say what remains to be done."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("method", choices=("GET", "POST", "PUT", "PATCH", "DELETE"))
    parser.add_argument("path", help="below the stage, with {camelCaseId} values")
    parser.add_argument("name", help="of the function: operationId, Lambda and metric are named after it")
    parser.add_argument("--area", choices=AREAS, required=True, help="which part of the product it belongs to")
    parser.add_argument("--scope", type=Scope, choices=tuple(Scope), help="what callers must hold")
    options = parser.parse_args()
    try:
        plan = Plan(options.method, options.path, options.name, options.area, options.scope)
    except PlanError as error:
        sys.exit(str(error))
    for path in write(plan, ROOT):
        print(f"wrote {path.relative_to(ROOT)}")
    print(f"Now give {plan.area} in chalicelib/wiring a part called {plan.module}.")
    print("Then run: make format check test")


if __name__ == "__main__":
    main()
