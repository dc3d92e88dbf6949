"""A small XML tree that knows the line number of each element and is safe to build from untrusted files.

Expat parses it. A document type declaration is refused, and so are all entities that could expand without limit or
read a file or a URL (https://docs.python.org/3/library/xml.html#xml-security). Depth and number of elements are
limited. The libraries that harden `xml.etree` refuse the same but give no line numbers.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.parsers import expat

MAX_DEPTH = 40
MAX_ELEMENTS = 300_000
"""Some 100 MB of memory; a statement entry has about thirty elements."""


class NotXml(ValueError):
    """The document is not well formed, or has a form that is refused."""


@dataclass(slots=True)
class Element:
    """One element. `name` has no namespace if its namespace is that of the root; otherwise it includes it."""

    name: str
    line_number: int
    attributes: dict[str, str]
    children: list["Element"] = field(default_factory=list)
    pieces: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """The element's own text, without surrounding spaces."""
        return "".join(self.pieces).strip()

    def all(self, path: str) -> Iterator["Element"]:
        """The elements at `path` below this one; a path is such as `NtryDtls/TxDtls`."""
        name, _, rest = path.partition("/")
        for child in self.children:
            if child.name == name:
                if rest:
                    yield from child.all(rest)
                else:
                    yield child

    def first(self, *paths: str) -> "Element | None":
        """The first element at the first of `paths` that has one; None if no path has one."""
        return next((found for path in paths for found in self.all(path)), None)

    def text_at(self, *paths: str) -> str:
        """The first text at `paths` that is not empty; an empty string if there is none."""
        return next((found.text for path in paths for found in self.all(path) if found.text), "")


def parse(raw: bytes) -> tuple[str, Element]:
    """The root's namespace, and the root.

    Raises:
        NotXml: the document is not well formed, declares a document type, or is too deep or too large.
    """
    builder = _Builder()
    try:
        builder.parser.Parse(raw, True)  # noqa: FBT003 - pyexpat takes it by position only
    except expat.ExpatError as error:
        raise NotXml(f"line {error.lineno}: {expat.ErrorString(error.code)}") from error
    except (ValueError, LookupError) as error:
        # The document declares an unknown encoding.
        raise NotXml(str(error)) from error
    if builder.root is None:
        raise NotXml("it is empty")
    return builder.namespace, builder.root


class _Builder:
    def __init__(self) -> None:
        self.namespace = ""
        self.root: Element | None = None
        self._open: list[Element] = []
        self._count = 0
        self.parser = expat.ParserCreate(namespace_separator="}")
        self.parser.buffer_text = True
        self.parser.StartDoctypeDeclHandler = self._refuse
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text

    def _refuse(self, *_: object) -> None:
        raise NotXml("a document type declaration is not allowed")

    def _start(self, full_name: str, attributes: dict[str, str]) -> None:
        namespace, _, name = full_name.rpartition("}")
        if self.root is None:
            self.namespace = namespace
        self._count += 1
        if len(self._open) >= MAX_DEPTH or self._count > MAX_ELEMENTS:
            raise NotXml("it is too deep or too large")
        element = Element(
            name if namespace == self.namespace else full_name, self.parser.CurrentLineNumber, attributes
        )
        if self._open:
            self._open[-1].children.append(element)
        else:
            self.root = element
        self._open.append(element)

    def _end(self, _: str) -> None:
        self._open.pop()

    def _text(self, text: str) -> None:
        self._open[-1].pieces.append(text)
