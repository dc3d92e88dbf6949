"""Tests of every endpoint, generated from the route table, so that a new endpoint is covered at once.

Each kind of id in a path or a body needs a builder in `tests/support/world.py`. A field whose valid value cannot
be derived needs an example in its model. If one is missing, a test here fails and says so.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest
from pydantic import BaseModel

from chalicelib.domain.foundation.access.models import ROLE_SCOPES, STAFF_SCOPES, Principal, Role, StaffRole
from chalicelib.domain.foundation.access.scopes import SENTENCES
from chalicelib.http.models import SpanQuery
from chalicelib.http.requests import parse_body, parse_values
from chalicelib.http.spec import EndpointSpec, operations
from chalicelib.kernel.errors import InvalidInput
from chalicelib.kernel.ids import Kind
from chalicelib.runtime.registry import load_all
from tests.fakes.access import FakeAuthenticator, principal
from tests.support.api import Answer, Api
from tests.support.asking import body_of, kinds_in_path, path_of, query_of
from tests.support.clock import SettableClock
from tests.support.engine import Engine
from tests.support.parts import give
from tests.support.samples import (
    MALFORMED,
    TOO_LARGE,
    ids_in,
    schema_of,
    spoilt,
)
from tests.support.world import OWNED, Person, World, WorldBuilder

SPECS = operations(load_all())
Json = Any

WRONG_IDS = (
    "x",
    "%00",
    "dep_",
    "dep_0",
    "usr_01RAQ7HDSGC3KD77NGYFSWP6WVX",
    "a" * 3000,
    "..",
    "null",
    "🜁",
    "' OR 1=1",
)
WRONG_VALUES = ("", " ", "x", "-1", "0x10", "1e9", "9" * 60, "NaN", "\x00", "\ud800", "null", "a" * 5000, "🜁")
SOME_IDS = {kind: f"{kind}_01RAQ7HDSGC3KD77NGYFSWP6WV" for kind in OWNED}
"""Well-formed ids of nothing."""
OTHER_DIGITS = (
    "\u0660\u0661\u0662\u0663\u0664\u0665\u0666\u0667\u0668\u0669",
    "\uff10\uff11\uff12\uff13\uff14\uff15\uff16\uff17\uff18\uff19",
)
"""Arabic-Indic and full-width ones."""
_NUMBER = re.compile(r"[0-9]+(\.[0-9]+)?")
REVERSED = (
    ("2026-12-01T00:00:00Z", "2026-11-01T00:00:00Z"),
    ("2026-12-01T00:00:00.000001Z", "2026-12-01T00:00:00Z"),
    ("2026-12-01T00:00:00Z", "2026-12-01T01:00:00+02:00"),
    ("2026-12-01T00:00:00Z", "2026-12-01T00:00:00Z"),
)
PERSONS_ONLY = {"send_transfer"}
"""Endpoints with a scope that refuse API keys, because they reach another customer of the user."""
WRONG_KEYS = ("", " ", "two words", "ä", "a" * 256, "\x00")


def endpoints(specs: list[EndpointSpec]) -> pytest.MarkDecorator:
    """One test for each of `specs`, named after it."""
    return pytest.mark.parametrize("spec", [pytest.param(spec, id=spec.name) for spec in specs])


def is_staff_only(spec: EndpointSpec) -> bool:
    return spec.staff_only


def is_for_keys(spec: EndpointSpec) -> bool:
    """Whether the endpoint accepts an API key with all scopes of keys."""
    return spec.public or spec.scope in SENTENCES


def is_customers(spec: EndpointSpec) -> bool:
    return not spec.public and not is_staff_only(spec)


def numbers_in(body: Json) -> list[str]:
    """The fields of `body` that are numbers written as text."""
    return [name for name, value in body.items() if isinstance(value, str) and _NUMBER.fullmatch(value)]


def is_cut_by_time(spec: EndpointSpec) -> bool:
    """Whether the endpoint takes `from` or `to`."""
    model = spec.query_model
    return model is not None and bool({"from", "to"} & model.model_json_schema()["properties"].keys())


def has_secret_in_path(spec: EndpointSpec) -> bool:
    """Whether the path has a mailed token, for which there is no example."""
    return "{token}" in spec.path


def has_ids_in_body(spec: EndpointSpec) -> bool:
    return spec.body_model is not None and any(True for _ in ids_in(schema_of(spec.body_model)))


def refuses(model: type[BaseModel], body: Json) -> bool:
    """Whether the model refuses `body`."""
    try:
        parse_body(model, json.dumps(body).encode())
    except InvalidInput:
        return True
    return False


@pytest.fixture
def world(builder: WorldBuilder, engine: Engine, clock: SettableClock, monkeypatch: pytest.MonkeyPatch) -> World:
    return builder.build(engine, clock, monkeypatch)


@pytest.fixture
def sender(spec: EndpointSpec, world: World) -> Person:
    """A person who may call the endpoint, with Ann's ids."""
    return Person(world.sender(spec.scope, public=spec.public).api, world.ann.ids)


def assert_refused(answer: Answer, what: str) -> None:
    assert answer.status in {400, 413}, f"{what}: {answer.status} {answer.text[:200]}"
    if answer.status == 400:
        assert answer.code == "VALIDATION_ERROR", f"{what}: {answer.text[:200]}"
        assert answer.error["details"], f"{what}: no details"
        assert all(detail["field"] and detail["message"] for detail in answer.error["details"]), what


def test_every_kind_of_id_has_a_builder() -> None:
    named = {kind for spec in SPECS for kind in kinds_in_path(spec).values()}
    named |= {kind for spec in SPECS if spec.body_model for _, kind in ids_in(schema_of(spec.body_model))}
    missing = named - OWNED.keys()
    assert not missing, f"add a builder to tests/support/world.py for {sorted(missing)}"


class TestWhoMayEnter:
    @endpoints([spec for spec in SPECS if not spec.public])
    @pytest.mark.parametrize("token", ["", "x", "a.b.c", "\ud800", "a" * 9000])
    def test_nobody_without_credentials(
        self, table: Engine, clock: SettableClock, spec: EndpointSpec, token: str
    ) -> None:
        ids = dict.fromkeys(Kind, "dep_01RAQ7HDSGC3KD77NGYFSWP6WV")
        answer = Api().call(spec.method, path_of(spec, ids), body="{", token=token)
        assert (answer.status, answer.code) == (401, "UNAUTHORIZED")
        assert table.items() == []

    @pytest.mark.guarantee("G41")
    @endpoints([spec for spec in SPECS if spec.scope])
    def test_g41_only_roles_that_hold_the_scope(
        self, world: World, monkeypatch: pytest.MonkeyPatch, spec: EndpointSpec
    ) -> None:
        customer_id = world.ann.ids[Kind.CUSTOMER]
        people = {f"{role}": replace(principal(role), customer_id=customer_id) for role in Role}
        people |= {f"staff {role}": principal(None, role) for role in StaffRole}
        people["nobody"] = principal(None)
        give(people={"authenticator": FakeAuthenticator(people)})
        unknown = {kind: world.unknown(kind) for kind in Kind}
        for name, person in people.items():
            before = world.changes()
            answer = Api().call(spec.method, path_of(spec, unknown), body="{", token=name)
            is_forbidden = (answer.status, answer.status == 403 and answer.code) == (403, "FORBIDDEN")
            assert is_forbidden == (spec.scope not in scopes_of(person)), name
            assert not is_forbidden or world.changes() == before

    @pytest.mark.guarantee("G43")
    @endpoints([spec for spec in SPECS if not spec.public])
    def test_g43_only_keys_that_hold_the_scope(self, world: World, spec: EndpointSpec) -> None:
        """Each key has one scope; the real authenticator reads the keys from the real table."""
        path = path_of(spec, {kind: world.unknown(kind) for kind in Kind})
        for scope in world.keys.keys() - {spec.scope}:
            answer = world.keys[scope].call(spec.method, path, body="{")
            assert (answer.status, answer.code) == (403, "FORBIDDEN"), scope
            assert spec.scope is None or f" {spec.scope}." in answer.error["message"]
        assert world.changes() == []
        if spec.scope and spec.scope in world.keys:
            let_in = world.keys[spec.scope].call(spec.method, path, body="{")
            assert (let_in.status, let_in.status == 403 and let_in.code) != (403, "FORBIDDEN")

    @endpoints([spec for spec in SPECS if is_for_keys(spec) and not spec.public and spec.name not in PERSONS_ONLY])
    def test_a_key_with_the_scope_does_what_its_maker_does(self, world: World, spec: EndpointSpec) -> None:
        path = path_of(spec, world.ann.ids)
        asked = {"json": body_of(spec, world.ann.ids), "query": query_of(spec)}
        hers = world.ann.api.call(spec.method, path, **asked)
        if not spec.is_safe:
            world.snapshot.restore()
        its = world.anns_key.call(spec.method, path, **asked)
        assert (its.status, its.status >= 400 and its.code) == (hers.status, hers.status >= 400 and hers.code)

    @pytest.mark.guarantee("G42")
    @endpoints([spec for spec in SPECS if not spec.public])
    def test_g42_nobody_with_a_session_that_was_ended(self, world: World, spec: EndpointSpec) -> None:
        world.bob.api.post("/auth/logout")
        answer = world.bob.api.call(spec.method, path_of(spec, world.ann.ids), json=body_of(spec, world.ann.ids))
        assert (answer.status, answer.code) == (401, "UNAUTHORIZED")


def scopes_of(person: Principal) -> frozenset[str]:
    own = ROLE_SCOPES[person.role] if person.role else frozenset()
    return own | (STAFF_SCOPES[person.staff_role] if person.staff_role else frozenset())


@pytest.mark.guarantee("G41")
class TestStrangers:
    """No caller of `World.strangers` (a session, an API key, a supporter) learns anything of Ann's."""

    @endpoints([spec for spec in SPECS if kinds_in_path(spec) and not is_staff_only(spec)])
    def test_g41_a_strangers_id_in_the_path_is_as_if_it_never_was(self, world: World, spec: EndpointSpec) -> None:
        body, query = body_of(spec, world.ann.ids), query_of(spec)
        for who, stranger in world.strangers.items():
            turned_away = (403, "FORBIDDEN") if who == "key" and not is_for_keys(spec) else (404, "NOT_FOUND")
            for name, kind in kinds_in_path(spec).items():
                hers = stranger.call(spec.method, path_of(spec, world.ann.ids), json=body, query=query)
                never = {**world.ann.ids, kind: world.unknown(kind)}
                unknown = stranger.call(spec.method, path_of(spec, never), json=body, query=query)
                assert (hers.status, hers.code) == turned_away, f"{who}: {name}"
                assert hers.text == unknown.text
        assert world.changes() == []

    @endpoints([spec for spec in SPECS if has_ids_in_body(spec) and is_customers(spec)])
    def test_g41_a_strangers_id_in_the_body_is_as_if_it_never_was(self, world: World, spec: EndpointSpec) -> None:
        assert spec.body_model
        for who, stranger in world.strangers.items():
            turned_away = {400, 403, 404} if who == "key" else {400, 404}
            for path, kind in ids_in(schema_of(spec.body_model)):
                hers = stranger.call(spec.method, spec.path, json=body_of(spec, world.ann.ids))
                never = {**world.ann.ids, kind: world.unknown(kind)}
                unknown = stranger.call(spec.method, spec.path, json=body_of(spec, never))
                assert hers.status in turned_away, f"{who}: {path}"
                assert hers.text.replace(world.ann.ids[kind], "") == unknown.text.replace(never[kind], "")
        assert world.changes() == []

    @endpoints([spec for spec in SPECS if spec.acts_for_a_customer])
    def test_g41_nobody_acts_for_a_customer_that_is_not_theirs(self, world: World, spec: EndpointSpec) -> None:
        body = body_of(spec, world.ann.ids)
        headers = {"X-Customer-Id": world.ann.ids[Kind.CUSTOMER]}
        for who, stranger in world.strangers.items():
            answer = stranger.call(spec.method, path_of(spec, world.ann.ids), json=body, headers=headers)
            assert (answer.status, answer.code) == (404, "NOT_FOUND"), who
        assert world.changes() == []

    @endpoints([spec for spec in SPECS if is_staff_only(spec)])
    def test_g41_no_customer_does_what_staff_does_nor_support_what_is_not_for_it(
        self, world: World, spec: EndpointSpec
    ) -> None:
        body = body_of(spec, world.ann.ids)
        senders = {"customer": world.ann.api, "key": world.strangers["key"]}
        if spec.scope not in STAFF_SCOPES[StaffRole.SUPPORT]:
            senders["support"] = world.strangers["staff"]
        for who, sender in senders.items():
            answer = sender.call(spec.method, path_of(spec, world.ann.ids), json=body)
            assert (answer.status, answer.code) == (403, "FORBIDDEN"), who
        assert world.changes() == []

    @endpoints([spec for spec in SPECS if spec.is_audited])
    def test_g41_nobody_writes_into_a_strangers_log_or_the_staffs(self, world: World, spec: EndpointSpec) -> None:
        body = body_of(spec, world.ann.ids)
        for who in ("session", "key"):
            for headers in ({}, {"X-Customer-Id": world.ann.ids[Kind.CUSTOMER]}):
                path = path_of(spec, world.ann.ids)
                world.strangers[who].call(spec.method, path, json=body, query=query_of(spec), headers=headers)
        assert world.logged() == []

    @endpoints([spec for spec in SPECS if is_staff_only(spec) and kinds_in_path(spec)])
    def test_g41_staff_get_404_for_unknown_ids(self, world: World, spec: EndpointSpec) -> None:
        unknown = {kind: world.unknown(kind) for kind in Kind}
        path, body = path_of(spec, unknown), body_of(spec, unknown)
        answer = world.staff.api.call(spec.method, path, json=body, query=query_of(spec))
        assert (answer.status, answer.code) == (404, "NOT_FOUND")
        assert world.changes() == []

    @endpoints([spec for spec in SPECS if spec.is_list and not kinds_in_path(spec) and is_customers(spec)])
    def test_g41_a_list_has_only_ones_own(self, world: World, spec: EndpointSpec) -> None:
        """A stranger's lists have nothing of Ann's, not even with a cursor of her list."""
        cursors = [{}, *({"cursor": cursor} for cursor in cursors_of(world.ann.api, spec))]
        for who, stranger in world.strangers.items():
            expected = {403} if who == "key" and not is_for_keys(spec) else {200, 400}
            for query in cursors:
                answer = stranger.call(spec.method, spec.path, query=query)
                assert answer.status in expected, who
                for found in world.ann.ids.values():
                    assert found not in answer.text


def cursors_of(person: Api, spec: EndpointSpec) -> Iterator[str]:
    """The cursor after the first item of a person's list, if the list has more."""
    cursor = person.call(spec.method, spec.path, query={"limit": "1"}).next_cursor
    if cursor:
        yield cursor


@pytest.mark.guarantee("G47")
class TestMalformed:
    @endpoints([spec for spec in SPECS if spec.body_model])
    def test_g47_samples_are_valid(self, spec: EndpointSpec) -> None:
        """The tests below change one thing of a valid sample, so that it is the reason of the refusal."""
        assert spec.body_model
        assert not refuses(spec.body_model, body_of(spec, SOME_IDS))

    @endpoints([spec for spec in SPECS if spec.body_model])
    def test_g47_a_spoilt_body(self, world: World, sender: Person, spec: EndpointSpec) -> None:
        assert spec.body_model
        path = path_of(spec, sender.ids)
        spoiled = list(spoilt(body_of(spec, sender.ids)))
        wrong = [one for one in spoiled if refuses(spec.body_model, one.body)]
        assert len(wrong) >= 10
        for one in wrong:
            assert_refused(sender.api.call(spec.method, path, json=one.body), one.what)
        assert world.changes() == []
        for one in spoiled:
            answer = sender.api.call(spec.method, path, json=one.body)
            assert answer.status < 500, f"{one.what}: {answer.text}"

    @endpoints([spec for spec in SPECS if spec.body_model])
    def test_g47_a_body_that_is_none(self, world: World, sender: Person, spec: EndpointSpec) -> None:
        assert spec.body_model
        path = path_of(spec, sender.ids)
        has_required = any(field.is_required() for field in spec.body_model.model_fields.values())
        for text in MALFORMED:
            if has_required or text.strip():
                assert_refused(sender.api.call(spec.method, path, body=text), text[:20])
        assert sender.api.call(spec.method, path, body=TOO_LARGE).status == 413
        assert world.changes() == []

    @endpoints([spec for spec in SPECS if not spec.body_model])
    def test_g47_a_body_where_none_is_wanted(self, world: World, sender: Person, spec: EndpointSpec) -> None:
        unknown = {kind: world.unknown(kind) for kind in Kind}
        for text in (*MALFORMED, TOO_LARGE):
            answer = Api(sender.api.token).call(spec.method, path_of(spec, unknown), body=text)
            assert answer.status < 500, text[:20]

    @endpoints([spec for spec in SPECS if kinds_in_path(spec)])
    def test_g47_a_spoilt_id(self, world: World, sender: Person, spec: EndpointSpec) -> None:
        for name, kind in kinds_in_path(spec).items():
            for wrong in WRONG_IDS:
                path = path_of(spec, {**sender.ids, kind: wrong})
                answer = sender.api.call(spec.method, path, json=body_of(spec, sender.ids))
                assert_refused(answer, wrong)
                assert answer.fields == {name}
        assert world.changes() == []

    @endpoints([spec for spec in SPECS if spec.query_model])
    def test_g47_a_spoilt_query(self, world: World, sender: Person, spec: EndpointSpec) -> None:
        model, path = spec.query_model, path_of(spec, sender.ids)
        assert model
        for name in model.model_json_schema()["properties"]:
            assert_refused(sender.api.call(spec.method, path, query={name: ["1", "1"]}), f"{name} twice")
            for wrong in WRONG_VALUES:
                answer = sender.api.call(spec.method, path, query={name: wrong})
                if is_refused(model, {name: wrong.encode("utf-8", "replace").decode()}) or name == "cursor":
                    assert_refused(answer, f"{name}={wrong!r}")
                    assert answer.fields == {name}
                else:
                    assert answer.status < 500, f"{name}={wrong!r}"
        for unknown in ("somethingElse", "\ud800", "a" * 3000, ""):
            assert_refused(sender.api.call(spec.method, path, query={unknown: "1"}), repr(unknown))
        assert world.changes() == []

    @endpoints([spec for spec in SPECS if spec.body_model and numbers_in(body_of(spec, SOME_IDS))])
    def test_g47_digits_of_another_script(self, world: World, sender: Person, spec: EndpointSpec) -> None:
        """An amount, a rate and a code take ASCII digits: others may read \u0663 as something else than 3."""
        path, body = path_of(spec, sender.ids), body_of(spec, sender.ids)
        for name in numbers_in(body):
            for digits in OTHER_DIGITS:
                wrong = {**body, name: body[name].translate(str.maketrans("0123456789", digits))}
                assert_refused(sender.api.call(spec.method, path, json=wrong), f"{name}: {wrong[name]}")
        assert world.changes() == []

    @endpoints([spec for spec in SPECS if is_cut_by_time(spec)])
    def test_g47_a_span_that_ends_before_it_begins(self, world: World, sender: Person, spec: EndpointSpec) -> None:
        """One type refuses it everywhere; a span of no length is refused too."""
        assert spec.query_model
        assert issubclass(spec.query_model, SpanQuery)
        for start, end in REVERSED:
            answer = sender.api.call(spec.method, path_of(spec, sender.ids), query={"from": start, "to": end})
            assert_refused(answer, f"from {start} to {end}")
            assert answer.fields == {"to"}

    @endpoints([spec for spec in SPECS if spec.idempotent])
    def test_g47_a_spoilt_idempotency_key(self, world: World, sender: Person, spec: EndpointSpec) -> None:
        for key in WRONG_KEYS:
            headers = {"Idempotency-Key": key}
            path, body = path_of(spec, sender.ids), body_of(spec, sender.ids)
            assert_refused(sender.api.call(spec.method, path, json=body, headers=headers), repr(key))
        assert world.changes() == []


def is_refused(model: type[BaseModel], values: Mapping[str, str]) -> bool:
    try:
        parse_values(model, values)
    except InvalidInput:
        return True
    return False


@endpoints([spec for spec in SPECS if spec.idempotent])
@pytest.mark.guarantee("G44")
def test_g44_a_repeat_with_the_same_key_is_the_same_answer(
    world: World, sender: Person, spec: EndpointSpec
) -> None:
    path, body = path_of(spec, sender.ids), body_of(spec, sender.ids)
    first = sender.api.call(spec.method, path, json=body, headers={"Idempotency-Key": "once"})
    state = world.changes()
    second = sender.api.call(spec.method, path, json=body, headers={"Idempotency-Key": "once"})
    assert (second.status, second.text) == (first.status, first.text)
    assert second.headers.get("Idempotency-Replayed") == ("true" if first.status < 400 else None)
    assert world.changes() == state


@endpoints([spec for spec in SPECS if spec.is_safe and not has_secret_in_path(spec)])
def test_reading_changes_nothing(world: World, sender: Person, spec: EndpointSpec) -> None:
    assert sender.api.call(spec.method, path_of(spec, sender.ids)).status == spec.status
    assert world.changes() == []
