"""Links, paths and operations in documents exist, and the numbers of decisions have no gap."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

_LINK = re.compile(r"\]\((?!https?://|mailto:|#)([^)#\s]+)(#[^)\s]*)?\)")
_CODE = re.compile(r"`([^`\n]+)`")
_PATH = re.compile(
    r"(?:app|benchmarks|catalog|chalicelib|dev|docs|functions|heat_templates|infra|state_machines|tests|tools)/"
    r"[\w./*-]+"
)
_ELSEWHERE = re.compile(r"\bdocuments? 0\d\d\b", re.IGNORECASE)
_OPERATION = re.compile(r"(GET|POST|PUT|PATCH|DELETE) (/[\w{}/-]*)")
_UNNAMED = re.compile(r"\b(?:whoever|whomever|oneself|one's|nobody's|somebody's)\b", re.IGNORECASE)
_FENCE = re.compile(r"^ *```.*?^ *```", re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def tracked() -> list[Path]:
    """The files that are committed, or will be with the next commit."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return [ROOT / name for name in listed.splitlines() if (ROOT / name).is_file()]


@pytest.fixture(scope="module")
def documents(tracked: list[Path]) -> list[Path]:
    """Every Markdown document."""
    return [path for path in tracked if path.suffix == ".md"]


def test_every_link_leads_to_a_file(documents: list[Path]) -> None:
    assert len(documents) > 30
    broken = [
        f"{path.relative_to(ROOT)}: {target}"
        for path in documents
        for target, _ in _LINK.findall(_FENCE.sub("", path.read_text()))
        if not (path.parent / target).exists()
    ]
    assert broken == []


def test_every_link_into_a_document_leads_to_a_heading(documents: list[Path]) -> None:
    broken = [
        f"{path.relative_to(ROOT)}: {target}{anchor}"
        for path in documents
        for target, anchor in _LINK.findall(_FENCE.sub("", path.read_text()))
        if anchor and anchor[1:] not in headings(path.parent / target)
    ]
    assert broken == []


def headings(path: Path) -> set[str]:
    """The anchors of a document's headings, as renderers make them."""
    titles = re.findall(r"^#+ (.+)$", _FENCE.sub("", path.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


def paths_in(text: str) -> Iterator[str]:
    """The project's paths in backticks, without those with a placeholder."""
    for code in _CODE.findall(_FENCE.sub("", text)):
        if _PATH.fullmatch(code):
            yield code


def test_every_path_in_a_document_exists(documents: list[Path]) -> None:
    """A `*` in a path stands for any name."""
    gone = [
        f"{path.relative_to(ROOT)}: {named}"
        for path in documents
        if path.name != "CHANGELOG.md"
        for named in paths_in(path.read_text())
        if not any(ROOT.glob(named.rstrip("/")))
    ]
    assert gone == []


def test_nothing_refers_to_documents_that_a_clone_does_not_have(tracked: list[Path]) -> None:
    found = []
    for path in tracked:
        if path.suffix in {".py", ".md", ".json", ".yaml", ".toml", ".sh"} and path != Path(__file__):
            text = path.read_text(errors="replace")
            found += [f"{path.relative_to(ROOT)}: {match[0]}" for match in _ELSEWHERE.finditer(text)]
    assert found == []


def test_decisions_are_numbered_without_gap_or_duplicate() -> None:
    """Each title repeats the number of its file."""
    pages = sorted((ROOT / "docs/adr").glob("*.md"))
    numbers = [int(page.name[:4]) for page in pages]
    assert numbers == list(range(1, len(pages) + 1))
    for number, page in zip(numbers, pages, strict=True):
        assert page.read_text().startswith(f"# {number}. "), page.name


@pytest.mark.parametrize("name", ["api-names.md", "architecture.md"])
def test_operations_that_are_named_exist(name: str) -> None:
    paths = json.loads((ROOT / "docs/openapi.json").read_text())["paths"]
    there = {f"{method.upper()} {path.removeprefix('/api')}" for path in paths for method in paths[path]}
    named = {f"{method} {path.removeprefix('/api')}" for method, path in operations(ROOT / "docs" / name)}
    assert named
    assert named - there == set()


def operations(path: Path) -> Iterator[tuple[str, str]]:
    """The operations in a document's backticks."""
    for code in _CODE.findall(path.read_text()):
        if match := _OPERATION.fullmatch(code):
            yield match[1], match[2]


def test_the_readme_names_every_area() -> None:
    """It does not name areas without code."""
    table = re.findall(
        r"^\| (\w+) \| [^|]+ \|$", (ROOT / "README.md").read_text().split("| area | ")[1], re.MULTILINE
    )
    areas = {path.parent.name for path in (ROOT / "chalicelib/domain").glob("*/__init__.py")}
    assert set(table) == areas


def test_documents_name_their_nouns(documents: list[Path]) -> None:
    """The table in CONTRIBUTING.md says what to write instead."""
    found = [
        f"{path.relative_to(ROOT)}:{number}: {match[0]}"
        for path in documents
        if path.is_relative_to(ROOT / "docs") or path.parent == ROOT
        for number, line in enumerate(path.read_text().splitlines(), 1)
        for match in _UNNAMED.finditer(line)
        if not line.startswith("|") or path.name != "CONTRIBUTING.md"
    ]
    assert found == []


def test_the_table_page_has_every_kind_of_item() -> None:
    """It has each kind once, and none that no adapter writes."""
    sources = [path.read_text() for path in (ROOT / "chalicelib/adapters/dynamodb").rglob("*.py")]
    written = [kind for source in sources for kind in re.findall(r'discriminator="([A-Z_]+)"', source)]
    listed = re.findall(r"^\| `([A-Z_]+)` \|", (ROOT / "docs/data-model.md").read_text(), re.MULTILINE)
    assert sorted(listed) == sorted(written)
