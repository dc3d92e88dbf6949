"""`endpoint()`: one decorated function is one route, one Lambda, one entry of the OpenAPI document.

The names of the function's parameters say what it needs: `request` (the body), `query`, `caller` (the
authenticated sender), `visitor` (any sender) or `raw` (the unparsed body and headers); every other parameter is a
value of the path, in snake_case, so that `/deployments/{deploymentId}` gives `deployment_id`. Its return
annotation is the answer's `data`: a model, `Listing[Model]`, or either in a `Reply` with cookies.
"""

from collections.abc import Callable
from functools import update_wrapper
from typing import Any

from chalicelib.domain.foundation.access.models import Scope
from chalicelib.http.door import Door
from chalicelib.http.spec import Declared, describe
from chalicelib.kernel.errors import HearthError
from chalicelib.runtime.grants import PROVIDER_ACCESS, TABLE_READ, TABLE_WRITE, Grant
from chalicelib.runtime.registry import Function, Handler, Place, Route, register

HASHING_MEMORY_MB = 1024
"""For endpoints that hash passwords: Argon2 needs memory, and a Lambda's share of a processor grows with its
memory.
"""
USUAL_SECONDS = 15
PROVIDER_DEADLINE_SECONDS = 20
"""The deadline of endpoints that call a provider, which may be slow."""


def endpoint(  # noqa: PLR0913 (each is a property of the endpoint, given by name)
    method: str,
    path: str,
    *,
    aliases: tuple[Place, ...] = (),
    status: int = 200,
    public: bool = False,
    scope: Scope | None = None,
    idempotent: bool = False,
    audited: bool | None = None,
    rate_limited: bool = True,
    for_blocked: bool = False,
    errors: tuple[type[HearthError], ...] = (),
    asks_provider: bool = False,
    grants: tuple[Grant, ...] = (),
    memory_mb: int = 512,
    timeout_seconds: int | None = None,
) -> Callable[[Callable[..., Any]], Handler]:
    """Make a function an endpoint; its name then refers to the Lambda's handler.

    Args:
        method: the HTTP method.
        path: below the stage, with `{camelCase}` values.
        aliases: further methods and paths with the same behaviour; they share the Lambda.
        status: the HTTP status of a success.
        public: needs no authentication. Otherwise needs a session, or the `scope` if one is named.
        scope: the scope that the caller must hold.
        idempotent: the endpoint honours `Idempotency-Key` (G44).
        audited: whether calls go into the activity log; by default those that change state do.
        rate_limited: whether calls count against the limit of G45.
        for_blocked: whether members of a blocked customer may call it, besides reading and paying.
        errors: the errors that it can answer, besides those of the door.
        asks_provider: whether it calls a provider of machines while the client waits. This adds the grant for the
            providers' configuration, a longer deadline, and the errors of `providers/errors.py`.
        grants: what it may access besides the table, which the door needs.
        memory_mb: the Lambda's memory; its share of a processor grows with it.
        timeout_seconds: the Lambda's deadline, if the default does not fit; API Gateway's own is 29 seconds.

    Raises:
        ValueError: the providers' configuration is granted by hand.
    """
    if PROVIDER_ACCESS in grants:
        raise ValueError(f"{method} {path}: declare asks_provider=True; the grant follows from it")
    if timeout_seconds is None:
        timeout_seconds = PROVIDER_DEADLINE_SECONDS if asks_provider else USUAL_SECONDS
    declared = Declared(
        method=method,
        path=path,
        aliases=aliases,
        status=status,
        public=public,
        scope=scope,
        idempotent=idempotent,
        audited=audited,
        rate_limited=rate_limited,
        for_blocked=for_blocked,
        errors=errors,
        asks_provider=asks_provider,
        timeout_seconds=timeout_seconds,
    )

    def decorate(function: Callable[..., Any]) -> Handler:
        door = Door(describe(function, declared), function)

        def handler(event: Any, context: Any) -> Any:
            return door.answer(event)

        update_wrapper(handler, function)
        register(
            Function(
                name=function.__name__,
                module=function.__module__,
                trigger=Route(method, path, aliases),
                handler=handler,
                grants=(
                    TABLE_READ,
                    TABLE_WRITE,
                    *((PROVIDER_ACCESS,) if asks_provider else ()),
                    *grants,
                ),
                memory_mb=memory_mb,
                timeout_seconds=timeout_seconds,
                documentation=door.spec,
            )
        )
        return handler

    return decorate
