"""The cost of the door: validation, limits, a session, an idempotency key."""

import itertools
from typing import Any

import pytest

from benchmarks.timing import Table, compared, in_turns, muted
from chalicelib.domain.foundation.access.rate_limits import RateLimiter
from chalicelib.http import ApiModel, Caller, Visitor
from chalicelib.wiring.app import app
from tests.fakes.access import NoCounters
from tests.fakes.identity import People
from tests.support.api import Api
from tests.support.doors import TestDoor
from tests.support.engine import Engine
from tests.support.parts import give
from tests.support.settings import TABLE_NAME

_ROUNDS = 150
_NO_ITEM: Any = {"pk": {"S": "-"}, "sk": {"S": "-"}}


class Greeting(ApiModel):
    """A request and an answer."""

    text: str


def greet(request: Greeting, visitor: Visitor) -> Greeting:
    """Answer a visitor."""
    return request


def greet_known(request: Greeting, caller: Caller) -> Greeting:
    """Answer a known caller."""
    return request


def run(engine: Engine) -> Table:
    """Compare doors that do more and more."""
    with pytest.MonkeyPatch.context() as patch:
        with muted():
            person = People(Api(), engine, patch).newcomer("ann@example.com")
        validating = TestDoor(greet, public=True, rate_limited=False)
        limited = TestDoor(greet, public=True)
        known = TestDoor(greet_known, audited=False)
        audited = TestDoor(greet_known)
        once = TestDoor(greet_known, idempotent=True)
        keys = (f"key-{number}" for number in itertools.count())
        addresses = (f"100.64.{number // 250}.{number % 250}" for number in itertools.count())
        body = {"text": "hello"}
        unlimited = RateLimiter(NoCounters(), app().core.clock)
        limiter = app().foundation.rate_limiter

        def as_known(door: TestDoor, **headers: str) -> None:
            """Call the door; count each call for another session, because one session may send only sixty a
            minute.
            """
            limiter.check(f"session:{next(keys)}", 60, window_seconds=60)
            answer = door.call(
                body, token=person.token, headers={k.replace("_", "-"): v for k, v in headers.items()}
            )
            assert answer.status == 200, answer.text

        give(foundation={"rate_limiter": unlimited})

        def as_visitor() -> None:
            limiter.check(f"network:{next(addresses)}", 60, window_seconds=60)
            assert limited.call(body, token=None).status == 200

        timings = in_turns(
            {
                "yardstick: one GetItem": lambda: engine.client.get_item(TableName=TABLE_NAME, Key=_NO_ITEM),
                "validated, in its envelope": lambda: validating.call(body, token=None),
                "… and limited by address": as_visitor,
                "… and signed in, limited by session": lambda: as_known(known),
                "… and in the activity log": lambda: as_known(audited),
                "… and with an Idempotency-Key": lambda: as_known(once, Idempotency_Key=next(keys)),
            },
            _ROUNDS,
        )
    return compared("The door", timings)
