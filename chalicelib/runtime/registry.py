"""The list of all functions that become Lambdas; packaging, documentation and tests read it.

A decorator (`endpoint`, `task`, `schedule`, …) adds a `Function` when its module is imported. `load_all()` imports
every module of `functions/`, so that the list is complete.
"""

import importlib
import pkgutil
from collections.abc import Callable, Iterable
from dataclasses import field
from typing import TYPE_CHECKING, Any

from chalicelib.kernel.dataclasses import dataclass
from chalicelib.runtime.grants import Grant

if TYPE_CHECKING:
    from chalicelib.domain.foundation.changes.models import Subscription

Handler = Callable[[Any, Any], Any]


Place = tuple[str, str]
"""A place of an operation in the API: an HTTP method and a path below the stage."""


@dataclass(frozen=True)
class Route:
    """An endpoint behind API Gateway, under the stage `api`, with its own place and those of its aliases."""

    method: str
    path: str
    aliases: tuple[Place, ...] = ()

    @property
    def places(self) -> tuple[Place, ...]:
        """Its own place, then the aliases."""
        return ((self.method, self.path), *self.aliases)


@dataclass(frozen=True)
class Webhook:
    """A function with its own function URL; `name` is its key in `.local/endpoints.json`."""

    name: str


@dataclass(frozen=True)
class Task:
    """A Task state of a state machine; the definition refers to it as `${Name}` (its logical id)."""


@dataclass(frozen=True)
class Schedule:
    """A function that EventBridge calls; `rate` is a schedule expression such as `rate(5 minutes)`."""

    rate: str


@dataclass(frozen=True)
class Stream:
    """A function that receives those records of the table's stream that a consumer subscribes to.

    A failing record is retried `retries` times, then reported and skipped.
    """

    batch_size: int = 100
    retries: int = 100


@dataclass(frozen=True)
class Changes:
    """A function that receives the changes of `subscription`, from a queue of its own.

    At most `concurrency` invocations run at once, so that one consumer cannot use up the account's concurrency.
    """

    subscription: "Subscription"
    batch_size: int = 1
    concurrency: int = 20

    def __post_init__(self) -> None:
        """Refuse values that Lambda refuses, and batches in which one change could delay another."""
        if self.subscription.ordered and self.batch_size > 1:
            raise ValueError(f"{self.subscription.consumer} is ordered: it takes one change at a time")
        if not 2 <= self.concurrency <= 1_000:
            raise ValueError(f"{self.subscription.consumer} may run between 2 and 1,000 times at once")


@dataclass(frozen=True)
class Queue:
    """A function that receives messages of an SQS queue of the core stack, named by its logical id."""

    logical_id: str
    batch_size: int = 1


@dataclass(frozen=True)
class Socket:
    """A function behind the WebSocket API; `route_key` is `$connect` or `subscribe`, for example."""

    route_key: str


Trigger = Route | Webhook | Task | Schedule | Stream | Changes | Queue | Socket


@dataclass(frozen=True)
class Function:
    """One Lambda: its trigger, its grants, and its size.

    `name` is the Python name of the decorated function, the operationId, the end of the Lambda's name and the
    metric dimension; `module` is what Lambda imports. `documentation` carries data of the trigger's kind for the
    OpenAPI document and the generated tests.
    """

    name: str
    module: str
    trigger: Trigger
    handler: Handler
    grants: tuple[Grant, ...] = ()
    memory_mb: int = 512
    timeout_seconds: int = 15
    documentation: Any = field(default=None, compare=False)

    @property
    def area(self) -> str:
        """The folder of `functions/` that contains it: `functions.people.sign_in.endpoints` is in `people`."""
        return self.module.split(".")[1]

    @property
    def logical_id(self) -> str:
        """The CloudFormation name: `create_deployment` becomes `CreateDeployment`, as Chalice writes it."""
        return "".join(part.capitalize() for part in self.name.split("_"))


_functions: dict[str, Function] = {}


def register(function: Function) -> None:
    """Add `function`.

    Raises:
        ValueError: its name, or a place of its route, is in use.
    """
    places = _places(function)
    if len(places) != len(set(places)):
        raise ValueError(f"{function.module}.{function.name} names one place twice")
    for other in _functions.values():
        if other.name == function.name or set(places) & set(_places(other)):
            raise ValueError(f"{function.module}.{function.name} collides with {other.module}.{other.name}")
    _functions[function.name] = function


def _places(function: Function) -> tuple[Any, ...]:
    """Return the places that no other function may use."""
    match function.trigger:
        case Route() as route:
            return route.places
        case Socket() | Webhook() as trigger:
            return (trigger,)
        case _:
            return ()


def subscriptions(functions: Iterable[Function]) -> "tuple[Subscription, ...]":
    """The subscriptions of the consumers among `functions`, sorted by name."""
    found = (function.trigger.subscription for function in functions if isinstance(function.trigger, Changes))
    return tuple(sorted(found, key=lambda subscription: subscription.consumer))


def load_all() -> tuple[Function, ...]:
    """Import all of `functions/` and return every function of the product, sorted by name."""
    package = importlib.import_module("functions")
    for module in pkgutil.walk_packages(package.__path__, "functions."):
        importlib.import_module(module.name)
    return tuple(_functions[name] for name in sorted(_functions))
