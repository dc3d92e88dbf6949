"""The promises that `docs/guarantees.md` calls *kept* are exactly those that a test proves."""

import ast
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
STATES = {"kept", "in part", "not yet"}

_ROW = re.compile(r"^\| (G\d\d) \| (?:[^|]+) \| ([^|]+) \|", re.MULTILINE)
_NAMED = re.compile(r"test_(g\d\d)_")


def promised(document: str) -> dict[str, str]:
    """The state of each promise in the document's tables."""
    rows = _ROW.findall(document)
    assert len(rows) == len(dict(rows)), "a promise stands in the document twice"
    assert len(rows) == len(re.findall(r"^\| G", document, re.MULTILINE)), "a row is not in the table's form"
    return dict(rows)


def proven(source: str) -> set[str]:
    """The promises that a file's tests prove: by name, or by a mark on the test, its class or its file."""
    module = ast.parse(source)
    for_all = [
        node.value
        for node in module.body
        if isinstance(node, ast.Assign) and [ast.unparse(target) for target in node.targets] == ["pytestmark"]
    ]
    return set(_of_tests(module.body, marks(for_all)))


def _of_tests(body: Iterable[ast.stmt], inherited: set[str]) -> Iterator[str]:
    for node in body:
        if isinstance(node, ast.ClassDef):
            yield from _of_tests(node.body, inherited | marks(node.decorator_list))
        elif isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            yield from inherited | marks(node.decorator_list)
            yield from (number.upper() for number in _NAMED.findall(node.name))


def marks(expressions: Iterable[ast.expr]) -> set[str]:
    """The numbers in every `guarantee("G07", …)` in these expressions."""
    return {
        argument.value
        for expression in expressions
        for node in ast.walk(expression)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "guarantee"
        for argument in node.args
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
    }


def test_a_promise_is_kept_exactly_if_a_test_proves_it() -> None:
    states = promised((ROOT / "docs/guarantees.md").read_text())
    tested = {number for path in (ROOT / "tests").rglob("test_*.py") for number in proven(path.read_text())}
    assert set(states.values()) <= STATES
    assert tested - states.keys() == set(), "tests carry numbers of no promise"
    claimed = {number for number, state in states.items() if state != "not yet"}
    assert claimed - tested == set(), "promises are claimed to be kept that no test proves"
    assert tested - claimed == set(), "promises are proven: say in docs/guarantees.md that they are kept"


def test_a_promise_that_is_kept_in_part_says_what_is_missing() -> None:
    for row in (ROOT / "docs/guarantees.md").read_text().splitlines():
        if re.match(r"\| G\d\d .* \| in part \|", row):
            assert "*Missing: " in row, row


def test_numbers_are_read_from_names_marks_classes_and_files() -> None:
    source = """
import pytest
pytestmark = pytest.mark.guarantee("G01")
@pytest.mark.guarantee("G02", "G03")
class TestThings:
    def test_g04_it_holds(self): ...
    @pytest.mark.parametrize("x", [pytest.param(1, marks=pytest.mark.guarantee("G05"))])
    def test_more(self, x): ...
"""
    assert proven(source) == {"G01", "G02", "G03", "G04", "G05"}


def test_a_mark_without_a_test_proves_nothing() -> None:
    """A number in a text, or in the name of a helper, does not prove anything either."""
    source = """
import pytest
pytestmark = pytest.mark.guarantee("G01")
@pytest.mark.guarantee("G02")
class TestThings: ...
"G03"
def g04_helper(): ...
"""
    assert proven(source) == set()
