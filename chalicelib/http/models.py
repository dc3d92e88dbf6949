"""Models that requests and answers share."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, Generic, Self, TypeVar

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationInfo,
    field_validator,
)
from pydantic.alias_generators import to_camel

from chalicelib.kernel.dataclasses import dataclass
from chalicelib.kernel.errors import InvalidInput
from chalicelib.kernel.ids import Kind, pattern
from chalicelib.kernel.limits import DEFAULT_PAGE_ITEMS, MAX_CURSOR_LENGTH, MAX_NUMBERED_ITEMS, MAX_PAGE_ITEMS
from chalicelib.kernel.money import BASE_CURRENCY, format_amount
from chalicelib.kernel.pages import Page, PageRequest, numbered_page

T = TypeVar("T")
Reason = Annotated[
    str,
    StringConstraints(min_length=3, max_length=500, pattern=r"^[^\x00-\x1f\x7f]+$"),
    Field(
        description="the reason; the customer concerned can read it", examples=["Asked for by phone, ticket 4711"]
    ),
]
S = TypeVar("S")


class ApiModel(BaseModel):
    """Base of every request and answer: camelCase in JSON, unknown fields refused."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        extra="forbid",
        frozen=True,
        str_strip_whitespace=True,
        ser_json_inf_nan="strings",
        defer_build=True,  # each function builds only the schemas of its own request and answer
    )
    audited_fields: ClassVar[frozenset[str]] = frozenset()
    """Fields of a request that identify its target: they go into the activity log. Never secrets."""


class StaffChange(ApiModel):
    """A change that staff make. The reason goes into the log, which the customer sees where one is concerned."""

    reason: Reason


class Money(ApiModel):
    """An amount of money: a decimal string with at most six decimals, never a float."""

    amount: str = Field(examples=["12.34"])
    currency: str = Field(examples=[BASE_CURRENCY])

    @classmethod
    def of(cls, micros: int) -> Self:
        """`micros` of the base currency."""
        return cls(amount=format_amount(micros), currency=BASE_CURRENCY)


def id_of(kind: Kind) -> Any:
    """Return the field type for an id of `kind`."""
    return Annotated[str, StringConstraints(pattern=pattern(kind)), Field(examples=[f"{kind}_01J…"])]


class PageQuery(ApiModel):
    """`?limit=&cursor=` of every list."""

    limit: int = Field(default=DEFAULT_PAGE_ITEMS, ge=1, le=MAX_PAGE_ITEMS)
    cursor: str | None = Field(default=None, max_length=MAX_CURSOR_LENGTH, description="`meta.nextCursor`")

    def page_request(self) -> PageRequest:
        """Return it as the domain's `PageRequest`."""
        return PageRequest(limit=self.limit, cursor=self.cursor)


def _bounded(instant: datetime) -> datetime:
    if not 2000 <= instant.year < 3000:
        raise ValueError("give a year from 2000 to 2999")
    return instant.astimezone(UTC)


Instant = Annotated[AwareDatetime, AfterValidator(_bounded)]
"""A moment that a request names, in UTC."""


class SpanQuery(ApiModel):
    """`?from=&to=` of every list that can be cut by time: `from` is inclusive, `to` is exclusive and later."""

    from_: Instant | None = Field(default=None, alias="from", examples=["2026-11-01T00:00:00Z"])
    to: Instant | None = None

    @field_validator("to", mode="after")
    @classmethod
    def _ends_after_it_begins(cls, to: datetime | None, info: ValidationInfo) -> datetime | None:
        start = info.data.get("from_")
        if to is not None and start is not None and to <= start:
            raise ValueError("give a time after `from`")
        return to


class StaffPageQuery(PageQuery):
    """`?page=&pageSize=` of staff's lists, besides `?limit=&cursor=`."""

    page: int | None = Field(
        default=None,
        ge=1,
        le=MAX_NUMBERED_ITEMS,
        description="from 1; `meta` then has `page`, `pageSize`, `total`",
    )
    page_size: int | None = Field(default=None, ge=1, le=MAX_PAGE_ITEMS)

    def listing(self, read: Callable[[PageRequest], Page[S]], convert: Callable[[S], T]) -> "Listing[T]":
        """Return one page of the list that `read` reads, by page number or by cursor.

        Raises:
            InvalidInput: both were given, or the page number is above the maximum.
        """
        if self.page is None and self.page_size is None:
            return Listing.of(read(self.page_request()), convert)
        if self.cursor is not None:
            raise InvalidInput.of("cursor", "Give either a cursor, or a page and its size.")
        found = numbered_page(read, self.page or 1, self.page_size or DEFAULT_PAGE_ITEMS)
        numbering = Numbering(found.number, found.size, found.total, found.is_total_exact)
        return Listing([convert(item) for item in found.items], numbering=numbering)


@dataclass(frozen=True)
class Numbering:
    """The number and size of a page, and the total number of items."""

    page: int
    page_size: int
    total: int
    is_total_exact: bool


@dataclass(frozen=True)
class Listing(Generic[T]):
    """An answer with a page of a list: `data` has the items, `meta.nextCursor` the cursor of the next page."""

    items: Sequence[T]
    next_cursor: str | None = None
    numbering: Numbering | None = None
    """Set for a page that was requested by number; goes into `meta`."""

    @classmethod
    def of(cls, page: Page[S], convert: Callable[[S], T]) -> "Listing[T]":
        """Return `page` with every item converted."""
        return Listing([convert(item) for item in page.items], page.next_cursor)


@dataclass(frozen=True)
class Document:
    """An answer that is a JSON document in a standard's format, without the envelope."""

    text: str


@dataclass(frozen=True)
class PlainText:
    """An answer in plain text, without the envelope."""

    text: str


@dataclass(frozen=True)
class RawRequest:
    """An unparsed request, for an endpoint that must verify it first."""

    body: bytes
    headers: Mapping[str, str]
    """Names in lower case."""


@dataclass(frozen=True)
class Cookie:
    """A cookie that scripts cannot read and other sites cannot send (RFC 6265bis)."""

    name: str
    value: str
    path: str
    max_age_seconds: int
    http_only: bool = True

    def header(self) -> str:
        """Return the value of its Set-Cookie header."""
        parts = [f"{self.name}={self.value}", f"Path={self.path}", f"Max-Age={self.max_age_seconds}"]
        return "; ".join([*parts, "Secure", "SameSite=Strict", *(["HttpOnly"] if self.http_only else [])])


@dataclass(frozen=True)
class Reply(Generic[T]):
    """An answer with more than a body."""

    body: T
    cookies: Sequence[Cookie] = ()
    headers: dict[str, str] = field(default_factory=dict)
    concerns: str = ""
    """The customer that an action of staff concerns, if the path does not name it; its log receives the entry."""
