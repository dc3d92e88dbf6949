"""What every maker shares: pieces of code, which are all prepared before the first file is written."""

import ast
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

ROOT = Path(__file__).parents[2]
AREAS = tuple(sorted(path.parent.name for path in (ROOT / "chalicelib/domain").glob("*/__init__.py")))
"""The areas that code can belong to."""
_SNAKE = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")


class PlanError(ValueError):
    """What was asked for cannot be written."""


class Piece(Protocol):
    """What becomes of one file."""

    @property
    def path(self) -> str:
        """The file, from the root of the tree."""
        ...

    def added_to(self, text: str) -> str:
        """The file's new text; `text` is empty if there is no file.

        Raises:
            PlanError: what would be written is there already, or there is no place for it.
        """
        ...


class Plan(Protocol):
    """What is asked for."""

    def pieces(self, root: Path) -> Sequence[Piece]:
        """All that is to be written below `root`."""
        ...

    def left(self) -> Sequence[str]:
        """What the author has to do then, one sentence for each step."""
        ...


@dataclass(frozen=True)
class NewFile:
    """A file that must not be there yet."""

    path: str
    text: str

    def added_to(self, text: str) -> str:
        """The file's text; see `Piece.added_to`."""
        if text:
            raise PlanError(f"{self.path} is there already; nothing was written")
        return self.text


@dataclass(frozen=True)
class Addition:
    """Code for the end of a file, with the imports that it needs; `title` is for a file that is new."""

    path: str
    title: str
    imports: tuple[str, ...]
    code: str

    def added_to(self, text: str) -> str:
        """`text` with the imports after its docstring and the code at its end; see `Piece.added_to`."""
        text = text or f'"""{self.title}"""\n'
        tree = ast.parse(text)
        twice = _defined(tree) & _defined(ast.parse(self.code))
        if twice:
            raise PlanError(f"{self.path} has {', '.join(sorted(twice))} already; nothing was written")
        lines = text.splitlines()
        head, rest = lines[: tree.body[0].end_lineno], lines[tree.body[0].end_lineno :]
        return "\n".join([*head, "", *self.imports, *rest, "", "", self.code, ""])


@dataclass(frozen=True)
class Insertion:
    """Code for a place inside a file: before the first line that begins with `anchor`, or at the end for none."""

    path: str
    anchor: str
    code: str

    def added_to(self, text: str) -> str:
        """`text` with the code at its place; see `Piece.added_to`."""
        if self.code.strip() in text:
            raise PlanError(f"{self.path} has this already; nothing was written")
        if not self.anchor:
            return f"{text.rstrip()}\n\n{self.code}"
        before, found, after = text.partition(f"\n{self.anchor}")
        if not found:
            raise PlanError(
                f"{self.path} has no line that begins with {self.anchor.strip()!r}; nothing was written"
            )
        return f"{before}\n{self.code}{found.removeprefix(chr(10))}{after}"


def check_name(name: str, example: str) -> None:
    """Refuse a name that is none of a module.

    Raises:
        PlanError: says what a name looks like.
    """
    if not _SNAKE.fullmatch(name):
        raise PlanError(f"{name}: use small letters, digits and single underscores, such as {example}")


def check_area(area: str) -> None:
    """Refuse an area that does not exist.

    Raises:
        PlanError: lists the areas.
    """
    if area not in AREAS:
        raise PlanError(f"{area} is no area; these are: {', '.join(AREAS)}")


def filled(text: str, names: Mapping[str, str]) -> str:
    """`text` with each `<name>` replaced by what it stands for."""
    for name, value in names.items():
        text = text.replace(f"<{name}>", value)
    return text


def package(folder: str, title: str, root: Path) -> Sequence[Piece]:
    """The `__init__.py` of a folder that has none yet."""
    path = f"{folder}/__init__.py"
    return [] if (root / path).exists() else [NewFile(path, f'"""{title}"""\n')]


def write(plan: Plan, root: Path = ROOT) -> Sequence[Path]:
    """Write the skeleton below `root`, all of it or nothing; the files that were made or changed.

    Raises:
        PlanError: something is in the way. No file has been touched.
    """
    texts: dict[Path, str] = {}
    for piece in plan.pieces(root):
        path = root / piece.path
        there = texts.get(path) or (path.read_text() if path.exists() else "")
        texts[path] = piece.added_to(there)
    for path, text in texts.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    for tidy in (["check", "--quiet", "--fix", "--select", "I,F401"], ["format", "--quiet"]):
        command = [sys.executable, "-m", "ruff", *tidy, "--config", str(ROOT / "pyproject.toml"), *map(str, texts)]
        subprocess.run(command, cwd=root, check=True)
    return list(texts)


def methods_of_port(port: Path, name: str, subject: str) -> tuple[Sequence[str], str]:
    """The methods of the protocol `name`, unwritten: the imports of its file, and code for a class's body.

    They are read from the port itself, so a skeleton is never behind it.
    """
    tree = ast.parse(port.read_text())
    found = next(node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == name)
    imports = [ast.unparse(node) for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    methods = []
    for method in (part for part in found.body if isinstance(part, ast.FunctionDef)):
        returns = f" -> {ast.unparse(method.returns)}" if method.returns else ""
        methods.append(
            f"    def {method.name}({ast.unparse(method.args)}){returns}:\n"
            f'        """See `{name}.{method.name}`."""\n'
            f'        raise NotImplementedError("{subject}: `{method.name}` is not written yet.")\n'
        )
    return imports, "\n".join(methods)


def _defined(tree: ast.Module) -> set[str]:
    return {node.name for node in tree.body if isinstance(node, ast.ClassDef | ast.FunctionDef)}
