"""An endpoint: the function, its request and answer models, and a test.

The function calls a service that the area's container (`chalicelib/wiring`) does not have yet: mypy and the
generated route tests fail until you add it. If a file exists, the code is added to it.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic.alias_generators import to_pascal, to_snake

from chalicelib.domain.foundation.access.models import Scope
from chalicelib.kernel.ids import Kind
from tools.new.writing import Addition, Piece, PlanError, check_area, package

_CREATED = {"POST": "status=201"}
_NAME = re.compile(r"[a-z]+(_[a-z0-9]+)+")


@dataclass(frozen=True)
class NewEndpoint:
    """An endpoint, its models and a test."""

    method: str
    path: str
    name: str
    area: str
    scope: Scope | None = None

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise PlanError(f"{self.name}: name it after what it does, such as create_volume")
        check_area(self.area)
        if not self.module:
            raise PlanError(f"{self.path}: begin it with the resource, such as /volumes")
        for kind in self.ids.values():
            if kind not in Kind.__members__:
                raise PlanError(f"add {kind} to Kind in chalicelib/kernel/ids.py first")

    @property
    def module(self) -> str:
        """The name of its resource's module: `ssh_keys` for `/ssh-keys/{sshKeyId}`."""
        words = [word for word in self.path.split("/") if re.fullmatch(r"(?!v\d)[\w-]+", word)]
        return words[0].replace("-", "_") if words else ""

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

    def pieces(self, root: Path) -> Sequence[Piece]:
        """The code to write below `root`, by file."""
        title = f"Endpoints of {self.title.lower()}."
        return [*package(self.folder, title, root), self._function(), self._models(root), self._test()]

    def left(self) -> Sequence[str]:
        """What the author has to do then."""
        return (
            f"Give {self.area} in chalicelib/wiring a part called {self.module}; the function calls it.",
            "Run: make format check test",
        )

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

    def _models(self, root: Path) -> Addition:
        path = f"{self.folder}/schemas.py"
        there = (root / path).read_text() if (root / path).exists() else ""
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
