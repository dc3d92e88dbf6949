"""The declaration of an endpoint, used by the door, and from which documents and tests are generated."""

import inspect
import re
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any

from pydantic import BaseModel, create_model
from pydantic.alias_generators import to_camel

from chalicelib.domain.foundation.access.errors import AddressNotAllowed, CustomerBlocked, TwoFactorRequired
from chalicelib.domain.foundation.access.models import Scope
from chalicelib.http.errors import IdempotencyConflict, IdempotencyInProgress, InternalError, PayloadTooLarge
from chalicelib.http.models import ApiModel, Listing, Reply
from chalicelib.kernel.dataclasses import dataclass
from chalicelib.kernel.errors import (
    Forbidden,
    HearthError,
    InvalidInput,
    NotFound,
    RateLimited,
    Unauthorized,
    Unavailable,
)
from chalicelib.runtime.registry import Function, Place

_SAFE_METHODS = frozenset({"GET", "HEAD"})
_PAYING = frozenset({Scope.BILLING_WRITE, Scope.BILLING_PROFILE_WRITE})
_NOT_FROM_THE_PATH = frozenset({"request", "query", "caller", "visitor", "raw"})


@dataclass(frozen=True, kw_only=True)
class Declared:
    """The arguments of `endpoint()` that the door needs; `endpoint()` documents them."""

    method: str
    path: str
    aliases: tuple[Place, ...]
    status: int
    public: bool
    scope: Scope | None
    idempotent: bool
    audited: bool | None
    rate_limited: bool
    for_blocked: bool
    errors: tuple[type[HearthError], ...]
    asks_provider: bool
    timeout_seconds: int


@dataclass(frozen=True, kw_only=True)
class EndpointSpec(Declared):
    """The declaration together with the function's signature and docstring."""

    name: str
    description: str
    takes: frozenset[str]
    body_model: type[BaseModel] | None
    query_model: type[BaseModel] | None
    path_fields: Mapping[str, Any]
    """The type of each value in the path, by parameter name."""
    data_type: Any
    """The type of the answer's `data`, or of its items if `is_list`."""
    is_list: bool

    def at_every_place(self) -> Iterator["EndpointSpec"]:
        """Yield the operation at its own path, then each alias under a name of its own."""
        yield self
        places = ((self.method, self.path), *self.aliases)
        for method, path in self.aliases:
            words = "_".join(re.findall(r"[A-Z]?[a-z0-9]+", path)).lower()
            others = tuple(place for place in places if place != (method, path))
            yield replace(self, method=method, path=path, name=f"{self.name}_at_{words}", aliases=others)

    @cached_property
    def path_model(self) -> type[BaseModel]:
        """The model of the path's values. Each function builds it when first called, so that others do not pay for
        it.
        """
        fields: dict[str, Any] = {name: (type_, ...) for name, type_ in self.path_fields.items()}
        return create_model(f"{self.name}_path", __base__=ApiModel, **fields)

    @property
    def staff_only(self) -> bool:
        """Whether only the operator's staff may call it."""
        return self.scope is not None and self.scope.staff_only

    @property
    def acts_for_a_customer(self) -> bool:
        """Whether the request may name the customer that it acts for."""
        return not self.public and not self.staff_only

    @property
    def is_open_to_blocked(self) -> bool:
        """Whether members of a blocked customer may call it: they may read, pay, and manage their sign-in."""
        return self.is_safe or self.for_blocked or self.scope is None or self.scope in _PAYING

    @property
    def is_audited(self) -> bool:
        """Whether calls go into the activity log: by default those of authenticated callers that change state."""
        if self.audited is not None:
            return self.audited
        return self.method not in _SAFE_METHODS and not self.public

    @property
    def has_cookies_checked(self) -> bool:
        """Whether a request that authenticates by cookie must repeat the CSRF token."""
        return not self.public and not self.is_safe

    @property
    def refusals(self) -> tuple[type[HearthError], ...]:
        """Every error that it can answer: its own, and the door's."""
        found: set[type[HearthError]] = {
            InvalidInput,
            PayloadTooLarge,
            InternalError,
            Unavailable,
            *self.errors,
            *(_provider_errors() if self.asks_provider else ()),
            *((RateLimited,) if self.rate_limited else ()),
            *(() if self.public else (Unauthorized,)),
            *(() if self.public else (Forbidden, AddressNotAllowed)),
            *((TwoFactorRequired,) if self.staff_only else ()),
            *((CustomerBlocked,) if self.scope is not None and self.acts_for_a_customer else ()),
            *((NotFound,) if "{" in self.path or self.acts_for_a_customer else ()),
            *((IdempotencyConflict, IdempotencyInProgress) if self.idempotent else ()),
        }
        return tuple(sorted(found, key=lambda error: (error.status, error.code)))

    @property
    def is_safe(self) -> bool:
        """Whether the method only reads (RFC 9110, section 9.2.1)."""
        return self.method in _SAFE_METHODS


def operations(functions: Iterable[Function]) -> list[EndpointSpec]:
    """Return all operations that `functions` serve, including aliases, sorted by path and method."""
    specs = [spec for function in functions if isinstance(spec := function.documentation, EndpointSpec)]
    found = [place for spec in specs for place in spec.at_every_place()]
    return sorted(found, key=lambda spec: (spec.path, spec.method))


def _provider_errors() -> tuple[type[HearthError], ...]:
    """Return the errors of providers; imported here, as most functions do not need them."""
    from chalicelib.domain.cloud.providers.errors import PROVIDER_ERRORS

    return PROVIDER_ERRORS


def describe(function: Callable[..., Any], declared: Declared) -> EndpointSpec:
    """Return the specification of `function`.

    Raises:
        TypeError: its signature or an alias does not match its path, or it has no docstring.
    """
    hints = typing.get_type_hints(function, include_extras=True)
    parameters = inspect.signature(function).parameters
    takes = frozenset(parameters)
    from_path = [name for name in parameters if name not in _NOT_FROM_THE_PATH]
    in_path = set(re.findall(r"{(\w+)}", declared.path))
    if {to_camel(name) for name in from_path} != in_path:
        raise TypeError(f"{function.__name__} takes {sorted(from_path)} but its path has {sorted(in_path)}")
    for method, path in declared.aliases:
        if set(re.findall(r"{(\w+)}", path)) != in_path:
            raise TypeError(f"{function.__name__} has other path values than its alias {path}")
        if (method in _SAFE_METHODS) != (declared.method in _SAFE_METHODS):
            raise TypeError(
                f"{function.__name__} mixes a reading and a changing method: {declared.method} and {method}"
            )
    if not function.__doc__:
        raise TypeError(f"{function.__name__} needs a docstring: it is the endpoint's description")
    data_type, is_list = _data_type(hints["return"])
    return EndpointSpec(
        **vars(declared),
        name=function.__name__,
        description=inspect.cleandoc(function.__doc__),
        takes=takes,
        body_model=hints.get("request"),
        query_model=hints.get("query"),
        path_fields={name: hints[name] for name in from_path},
        data_type=data_type,
        is_list=is_list,
    )


def _data_type(returned: Any) -> tuple[Any, bool]:
    """Return the type of `data` in a return annotation, and whether `data` is a list of it."""
    if typing.get_origin(returned) is Reply:
        returned = typing.get_args(returned)[0]
    if typing.get_origin(returned) is Listing:
        return typing.get_args(returned)[0], True
    return returned, False
