"""A context that keeps named items of a customer: models, port, service, table, wiring, and a test that passes."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic.alias_generators import to_pascal

from tools.new.writing import Addition, Insertion, NewFile, Piece, PlanError, check_area, check_name, filled

CONTAINERS = {
    "foundation": "chalicelib/wiring/foundation.py",
    "people": "chalicelib/wiring/people/organisations.py",
    "money": "chalicelib/wiring/money/invoices.py",
    "cloud": "chalicelib/wiring/cloud.py",
    "operations": "chalicelib/wiring/operations.py",
}
"""Where the container of each area ends."""


@dataclass(frozen=True)
class NewContext:
    """A context, named in the plural after what it keeps."""

    name: str
    area: str

    def __post_init__(self) -> None:
        check_area(self.area)
        check_name(self.name, "volumes")
        if not self.name.endswith("s"):
            raise PlanError(f"{self.name}: name it after what it keeps, in the plural, such as volumes")

    def pieces(self, root: Path) -> Sequence[Piece]:
        """The code to write below `root`, by file."""
        folder = f"chalicelib/domain/{self.area}/{self.name}"
        container = CONTAINERS[self.area]
        return (
            NewFile(f"{folder}/__init__.py", f'"""{self._words.capitalize()} of a customer."""\n'),
            *(NewFile(f"{folder}/{name}.py", self._filled(text)) for name, text in _DOMAIN.items()),
            NewFile(f"chalicelib/adapters/dynamodb/{self.area}/{self.name}.py", self._filled(_ADAPTER)),
            Addition(
                path=f"tests/integration/{self.area}/test_{self.name}.py",
                title=f"{self._words.capitalize()}, on a real table.",
                imports=_TEST_IMPORTS,
                code=self._filled(_TEST),
            ),
            _Typed(container, self._filled(_TYPES)),
            Insertion(container, "", self._filled(_PARTS)),
        )

    def left(self) -> Sequence[str]:
        """What the author has to do then."""
        kind = self._item.upper()
        return (
            f"Describe {kind} and its access patterns in docs/data-model.md.",
            (
                f"Put {kind} into KEPT_KINDS of adapters/dynamodb/operations/departure.py if it survives the "
                "closing of a customer, else into ERASED_KINDS of tests/integration/operations/test_closing.py."
            ),
            "Give the items what they are really made of, and bound how many a customer can have.",
            "Run: make check",
        )

    @property
    def _item(self) -> str:
        """One of what it keeps: `policies` keeps each `policy`."""
        return f"{self.name[:-3]}y" if self.name.endswith("ies") else self.name.removesuffix("s")

    @property
    def _words(self) -> str:
        return self.name.replace("_", " ")

    def _filled(self, text: str) -> str:
        """The template, with the names of this context."""
        names = {
            "AREA": self.area,
            "CONTEXT": self.name,
            "Heading": self._words.capitalize(),
            "Things": to_pascal(self.name),
            "Thing": to_pascal(self._item),
            "THING": self._item.upper(),
            "things": self._words,
            "thing": self._item,
            "one": self._item.replace("_", " "),
        }
        return filled(text, names)


@dataclass(frozen=True)
class _Typed:
    """Imports for the block that only type checkers read."""

    path: str
    imports: str

    def added_to(self, text: str) -> str:
        """`text` with the imports first in that block; see `Piece.added_to`."""
        before, found, after = text.partition("\nif TYPE_CHECKING:\n")
        if not found:
            raise PlanError(f"{self.path} has no block `if TYPE_CHECKING:`; nothing was written")
        return f"{before}{found}{self.imports}{after}"


_MODELS = '''"""<Heading>: what one is."""

from datetime import datetime

from chalicelib.kernel.dataclasses import dataclass


@dataclass(frozen=True)
class <Thing>:
    """One <one> of a customer, by its name."""

    customer_id: str
    name: str
    created_at: datetime
'''

_PORTS = '''"""What <things> need from outside."""

from collections.abc import Sequence
from typing import Protocol

from chalicelib.domain.<AREA>.<CONTEXT>.models import <Thing>
from chalicelib.kernel.pages import Page, PageRequest
from chalicelib.kernel.transactions import Write

<THING>_NAME_FREE = "<thing>_name_free"


class <Thing>Records(Protocol):
    """Stores <things>. Single reads are strongly consistent."""

    def list(self, customer_id: str, page: PageRequest) -> Page[<Thing>]:
        """A customer's <things>, by name."""
        ...

    def get(self, customer_id: str, name: str) -> <Thing> | None:
        """One <one>; None if this customer has none of this name."""
        ...

    def insert(self, <thing>: <Thing>) -> Sequence[Write]:
        """Store a new <one>; asserts <THING>_NAME_FREE."""
        ...
'''

_SERVICE = '''"""<Heading> of a customer."""

from chalicelib.domain.<AREA>.<CONTEXT>.models import <Thing>
from chalicelib.domain.<AREA>.<CONTEXT>.ports import <Thing>Records
from chalicelib.domain.foundation.access.reach import Reach
from chalicelib.kernel.clock import Clock
from chalicelib.kernel.errors import Conflict, FieldError, NotFound
from chalicelib.kernel.pages import Page, PageRequest
from chalicelib.kernel.transactions import ConditionFailed, Transactor


class <Things>:
    """Creates and reads <things>."""

    def __init__(self, records: <Thing>Records, transactor: Transactor, clock: Clock) -> None:
        self._records = records
        self._transactor = transactor
        self._clock = clock

    def list(self, reach: Reach, page: PageRequest) -> Page[<Thing>]:
        """A customer's <things>, by name."""
        return self._records.list(reach.customer_id, page)

    def get(self, reach: Reach, name: str) -> <Thing>:
        """One <one>.

        Raises:
            NotFound: the customer has none of this name.
        """
        found = self._records.get(reach.customer_id, name)
        if found is None:
            raise NotFound("You have no such <one>.")
        return found

    def create(self, reach: Reach, name: str) -> <Thing>:
        """Create a <one>.

        Raises:
            Conflict: there is one of this name.
        """
        <thing> = <Thing>(reach.customer_id, name, self._clock.now())
        try:
            self._transactor.commit(self._records.insert(<thing>))
        except ConditionFailed as failed:
            message = "You have a <one> of this name; choose another."
            raise Conflict(message, details=[FieldError("name", message)]) from failed
        return <thing>
'''

_DOMAIN = {"models": _MODELS, "ports": _PORTS, "service": _SERVICE}

_ADAPTER = '''"""<Heading>, in the customer's partition."""

from collections.abc import Sequence

from pynamodb.attributes import UnicodeAttribute

from chalicelib.adapters.dynamodb.pages import query_page
from chalicelib.adapters.dynamodb.table import Record
from chalicelib.adapters.dynamodb.transactor import DynamoWrite, insert
from chalicelib.domain.<AREA>.<CONTEXT>.models import <Thing>
from chalicelib.domain.<AREA>.<CONTEXT>.ports import <THING>_NAME_FREE
from chalicelib.kernel.clock import isoformat, parse_isoformat
from chalicelib.kernel.pages import Page, PageRequest

_PREFIX = "<THING>#"


class <Thing>Record(Record, discriminator="<THING>"):
    """`CUSTOMER#<customer>` / `<THING>#<name>`."""

    created_at = UnicodeAttribute()


class Dynamo<Things>:
    """`<Thing>Records` on the customer's partition."""

    def list(self, customer_id: str, page: PageRequest) -> Page[<Thing>]:
        """A customer's <things>; see `<Thing>Records.list`."""
        return query_page(
            <Thing>Record, _partition(customer_id), page, _<thing>, sort_key=<Thing>Record.sk.startswith(_PREFIX)
        )

    def get(self, customer_id: str, name: str) -> <Thing> | None:
        """One <one>; see `<Thing>Records.get`."""
        try:
            found = <Thing>Record.get(_partition(customer_id), _PREFIX + name, consistent_read=True)
        except <Thing>Record.DoesNotExist:
            return None
        return _<thing>(found)

    def insert(self, <thing>: <Thing>) -> Sequence[DynamoWrite]:
        """Store a new <one>; see `<Thing>Records.insert`."""
        record = <Thing>Record(
            _partition(<thing>.customer_id), _PREFIX + <thing>.name, created_at=isoformat(<thing>.created_at)
        )
        return [insert(record, asserts=<THING>_NAME_FREE)]


def _partition(customer_id: str) -> str:
    return f"CUSTOMER#{customer_id}"


def _<thing>(record: <Thing>Record) -> <Thing>:
    return <Thing>(
        customer_id=record.pk.removeprefix("CUSTOMER#"),
        name=record.sk.removeprefix(_PREFIX),
        created_at=parse_isoformat(record.created_at),
    )
'''

_TYPES = """    from chalicelib.adapters.dynamodb.<AREA>.<CONTEXT> import Dynamo<Things>
    from chalicelib.domain.<AREA>.<CONTEXT>.service import <Things>
"""

_PARTS = '''    @cached_property
    def <thing>_records(self) -> Dynamo<Things>:
        """Storage of <things>."""
        from chalicelib.adapters.dynamodb.<AREA>.<CONTEXT> import Dynamo<Things>

        return Dynamo<Things>()

    @cached_property
    def <CONTEXT>(self) -> <Things>:
        """Customers' <things>."""
        from chalicelib.domain.<AREA>.<CONTEXT>.service import <Things>

        return <Things>(self.<thing>_records, self.core.transactor, self.core.clock)
'''

_TEST_IMPORTS = (
    "import pytest",
    "from chalicelib.domain.foundation.access.reach import Reach",
    "from chalicelib.kernel.errors import Conflict, NotFound",
    "from chalicelib.kernel.pages import PageRequest",
    "from chalicelib.wiring.app import app",
)

_TEST = """@pytest.mark.usefixtures("table")
def test_a_<thing>_is_its_customers_alone_and_its_name_is_taken_once() -> None:
    <CONTEXT>, ann, bob = app().<AREA>.<CONTEXT>, Reach("cus_ann"), Reach("cus_bob")
    made = <CONTEXT>.create(ann, "first")
    assert <CONTEXT>.get(ann, "first") == made
    assert <CONTEXT>.list(ann, PageRequest()).items == [made]
    with pytest.raises(Conflict):
        <CONTEXT>.create(ann, "first")
    with pytest.raises(NotFound):
        <CONTEXT>.get(bob, "first")"""
