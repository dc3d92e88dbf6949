"""The shapes that requests and answers share."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Generic, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from pydantic.alias_generators import to_camel

from chalicelib.kernel.ids import Kind, pattern
from chalicelib.kernel.limits import DEFAULT_PAGE_ITEMS, MAX_CURSOR_LENGTH, MAX_PAGE_ITEMS
from chalicelib.kernel.money import BASE_CURRENCY, format_amount
from chalicelib.kernel.pages import Page, PageRequest

T = TypeVar("T")
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
    )
    audited_fields: ClassVar[frozenset[str]] = frozenset()
    """Fields of a request that tell what it was done to: they go into the activity log. Never secrets."""


class Money(ApiModel):
    """An amount of money: a decimal string with at most six decimals, never a float."""

    amount: str = Field(examples=["12.34"])
    currency: str = Field(examples=[BASE_CURRENCY])

    @classmethod
    def of(cls, micros: int) -> Self:
        """`micros` of the base currency."""
        return cls(amount=format_amount(micros), currency=BASE_CURRENCY)


def id_of(kind: Kind) -> Any:
    """The field type of an id of `kind`."""
    return Annotated[str, StringConstraints(pattern=pattern(kind)), Field(examples=[f"{kind}_01J…"])]


class PageQuery(ApiModel):
    """`?limit=&cursor=` of every list."""

    limit: int = Field(default=DEFAULT_PAGE_ITEMS, ge=1, le=MAX_PAGE_ITEMS)
    cursor: str | None = Field(default=None, max_length=MAX_CURSOR_LENGTH, description="`meta.nextCursor`")

    def page_request(self) -> PageRequest:
        """The same in the domain's words."""
        return PageRequest(limit=self.limit, cursor=self.cursor)


@dataclass(frozen=True)
class Listing(Generic[T]):
    """An answer that is a page of a list: `data` is the items, `meta.nextCursor` leads on."""

    items: Sequence[T]
    next_cursor: str | None = None

    @classmethod
    def of(cls, page: Page[S], convert: Callable[[S], T]) -> "Listing[T]":
        """`page` with every item converted."""
        return Listing([convert(item) for item in page.items], page.next_cursor)


@dataclass(frozen=True)
class Document:
    """An answer that is a JSON document of a standard's own form, without the envelope."""

    text: str


@dataclass(frozen=True)
class RawRequest:
    """A request as it came, for an endpoint that has to verify it before anything is parsed."""

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
        """The value of its Set-Cookie header."""
        parts = [f"{self.name}={self.value}", f"Path={self.path}", f"Max-Age={self.max_age_seconds}"]
        return "; ".join([*parts, "Secure", "SameSite=Strict", *(["HttpOnly"] if self.http_only else [])])


@dataclass(frozen=True)
class Reply(Generic[T]):
    """An answer with more than a body."""

    body: T
    cookies: Sequence[Cookie] = ()
    headers: dict[str, str] = field(default_factory=dict)
