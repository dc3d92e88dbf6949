"""Writes the skeleton of an endpoint, its models and a test:

    python -m tools.new_endpoint POST /volumes create_volume --area cloud --scope deployments:write

The function calls a service that the area's container (`chalicelib/wiring`) does not have yet: mypy and the
generated route tests fail until you add it. If a file exists, the code is added to it.
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
    """The requested endpoint cannot be written; the text says why."""


@dataclass(frozen=True)
class Addition:
    """Code for the end of a file, with the imports that it needs; `title` is the docstring of a new file."""

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
    """The requested endpoint."""

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
        """The name of its resource's module: `ssh_keys` for `/ssh-keys/{sshKeyId}`."""
        words = [word for word in self.path.split("/") if re.fullmatch(r"(?!v\d)[\w-]+", word)]
        return words[0].replace("-", "_")

    @property
    def folder(self) -> str:
        """The folder of the resource's endpoints and schemas."""
        return f"functions/{self.area}/{self.module}"

    @property
    def ids(self) -> dict[str, str]:
        """The ids in its path, such as `sshKeyId`, each with the name of its `Kind`."""
        return {name: to_snake(name.removesuffix("Id")).upper() for name in re.findall(r"{(\w+)}", self.path)}

    @property
    def has_body(self) -> bool:
        """Whether the request has a body."""
        return self.method in {"POST", "PUT", "PATCH"}

    def additions(self) -> Sequence[Addition]:
        """The code to write, by file."""
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
            title=f"Endpoints of {self.title.lower()}.",
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
            f'    """The data of the request."""\n\n'
            f'    name: str = Field(min_length=1, max_length=64, examples=["one"])\n\n\n'
        )
        view = (
            f"class {to_pascal(self.name)}View(ApiModel):\n"
            f'    """The data of the response."""\n\n'
            f"    name: str\n\n"
            f"    @classmethod\n"
            f"    def of(cls, name: str) -> Self:\n"
            f'        """The view of the thing with this name."""\n'
            f"        return cls(name=name)"
        )
        return Addition(
            path=path,
            title=f"Requests and responses of the endpoints of {self.title.lower()}.",
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
            title=f"The endpoints of {self.title.lower()}.",
            imports=("from tests.support.api import Api",),
            code=f"def test_{self.name}_requires_a_known_caller(api: Api) -> None:\n"
            f'    assert api.{self.method.lower()}("{path}"{json}).code == "UNAUTHORIZED"',
        )

    @property
    def title(self) -> str:
        """The name of the resource in words."""
        return self.module.replace("_", " ").capitalize()

    @property
    def _sentence(self) -> str:
        return self.name.replace("_", " ").capitalize()


def write(plan: Plan, root: Path) -> Sequence[Path]:
    """Write the skeleton below `root`; return the files that were created or extended."""
    paths = []
    for addition in plan.additions():
        path = root / addition.path
        path.parent.mkdir(parents=True, exist_ok=True)
        package = path.with_name("__init__.py")
        if plan.folder in addition.path and not package.exists():
            package.write_text(f'"""Endpoints of {plan.title.lower()}."""\n')
        path.write_text(addition.added_to(path.read_text() if path.exists() else ""))
        paths.append(path)
    for tidy in (["check", "--quiet", "--fix", "--select", "I,F401"], ["format", "--quiet"]):
        subprocess.run([sys.executable, "-m", "ruff", *tidy, *paths], cwd=ROOT, check=True)
    return paths


def main() -> None:
    """Write the skeleton, and print what remains to be done."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("method", choices=("GET", "POST", "PUT", "PATCH", "DELETE"))
    parser.add_argument("path", help="the path below the stage, with ids as {camelCaseId}")
    parser.add_argument(
        "name", help="the name of the function, which the operationId, the Lambda and the metric get too"
    )
    parser.add_argument("--area", choices=AREAS, required=True, help="the area that the endpoint belongs to")
    parser.add_argument("--scope", type=Scope, choices=tuple(Scope), help="the scope that callers must have")
    options = parser.parse_args()
    try:
        plan = Plan(options.method, options.path, options.name, options.area, options.scope)
    except PlanError as error:
        sys.exit(str(error))
    for path in write(plan, ROOT):
        print(f"wrote {path.relative_to(ROOT)}")
    print(f"Now add {plan.module} to the container of {plan.area} in chalicelib/wiring.")
    print("Then run: make format check test")


if __name__ == "__main__":
    main()
