"""Parts of the door: reading events, describing functions, registering them."""

import base64
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import AliasChoices, Field, StringConstraints

from chalicelib.domain.people.sessions.models import SessionTokens
from chalicelib.http.callers import Caller
from chalicelib.http.errors import IdempotencyConflict
from chalicelib.http.models import ApiModel, Listing, Money, Reply
from chalicelib.http.requests import ProxyRequest, parse_body
from chalicelib.http.sessions import cookies_of, ended_cookies
from chalicelib.kernel.errors import Forbidden, InvalidInput, NotFound, RateLimited, Unauthorized
from chalicelib.kernel.ids import Kind, pattern
from chalicelib.runtime import registry
from chalicelib.runtime.registry import Function, Route, Schedule, register
from tests.support.api import proxy_event
from tests.support.clock import START
from tests.support.doors import specification

TOKENS = SessionTokens(
    session_id="ses_1",
    access_token="access",
    access_expires_at=START + timedelta(minutes=15),
    refresh_token="refresh",
    refresh_expires_at=START + timedelta(days=30),
)

ThingId = Annotated[str, StringConstraints(pattern=pattern(Kind.DEPLOYMENT))]


class Part(ApiModel):
    """A part of a model."""

    size_gb: int = Field(ge=1, le=9)


class Whole(ApiModel):
    """A model with parts, and with a field that has two names."""

    main_part: Part
    more_parts: list[Part] = Field(default_factory=list)
    image_id: str = Field(default="", validation_alias=AliasChoices("imageId", "image"))


def request(**changes: Any) -> ProxyRequest:
    return ProxyRequest({**proxy_event("POST", "/things"), **changes})


class TestReadingEvents:
    def test_a_body_in_base64_is_decoded(self) -> None:
        text = base64.b64encode(b'{"a": 1}').decode()
        assert request(body=text, isBase64Encoded=True).body() == b'{"a": 1}'

    def test_headers_are_found_in_any_case_and_in_either_form(self) -> None:
        assert request(multiValueHeaders={"X-One": ["a", "b"]}).headers == {"x-one": "a, b"}
        assert request(multiValueHeaders=None, headers={"X-One": "a"}).headers == {"x-one": "a"}

    def test_cookies_that_came_in_several_headers_are_all_read(self) -> None:
        found = request(multiValueHeaders={"cookie": ["a=1; b=2", "c=3"]})
        assert found.cookies == {"a": "1", "b": "2", "c": "3"}

    @given(others=st.lists(st.text(st.characters(exclude_characters=";")), max_size=4), place=st.integers(0, 4))
    def test_g42_cookies_of_others_do_not_hide_ours(self, others: list[str], place: int) -> None:
        """Whatever stands before or after it (RFC 6265, section 5)."""
        pairs = [f"other{number}={value}" for number, value in enumerate(others)]
        pairs.insert(place, "hearth_access=token")
        assert request(multiValueHeaders={"Cookie": ["; ".join(pairs)]}).cookies["hearth_access"] == "token"

    @pytest.mark.parametrize(
        "other",
        ['prefs={"theme":"dark"}', "a=b=c", 'a="', "a", "=", "@[]=1", "é=ü", 'a="x, y"', "$Version=1", "a=\x00"],
    )
    def test_g42_no_form_of_a_foreign_cookie_hides_ours(self, other: str) -> None:
        for header in (
            f"{other}; hearth_access=token",
            f"hearth_access=token;{other}",
            f";{other};hearth_access=token",
        ):
            assert request(multiValueHeaders={"Cookie": [header]}).cookies["hearth_access"] == "token"

    def test_the_first_of_two_cookies_with_one_name_counts(self) -> None:
        assert request(multiValueHeaders={"Cookie": ["a=1; a=2"]}).cookies == {"a": "1"}

    @pytest.mark.parametrize("header", ["", ";;;", "=", "a", "a=\x00", 'a="', "\udcff=1"])
    def test_a_malformed_cookie_header_is_no_failure(self, header: str) -> None:
        assert "hearth_access" not in request(multiValueHeaders={"Cookie": [header]}).cookies

    @pytest.mark.parametrize(
        ("header", "token"),
        [
            ("Bearer t", "t"),
            ("bearer  t ", "t"),
            ("Bearer", None),
            ("Bearer ", None),
            ("Basic t", None),
            ("", None),
        ],
    )
    def test_only_a_bearer_token_is_one(self, header: str, token: str | None) -> None:
        assert request(multiValueHeaders={"Authorization": [header]}).bearer_token == token

    def test_a_long_user_agent_is_cut(self) -> None:
        assert len(request(multiValueHeaders={"User-Agent": ["a" * 9000]}).user_agent) == 256


class TestReadingBodies:
    @pytest.mark.parametrize(
        ("text", "fields"),
        [
            ('{"mainPart": {"size_gb": 1}}', {"mainPart.sizeGb", "mainPart.size_gb"}),
            ('{"mainPart": {"sizeGb": 1, "size_gb": 2}}', {"mainPart.size_gb"}),
            ('{"main_part": {"sizeGb": 1}}', {"mainPart", "main_part"}),
            (
                '{"mainPart": {"sizeGb": 1}, "moreParts": [{"sizeGb": 1}, {"sizeGb": 2, "size_gb": 3}]}',
                {"moreParts.1.size_gb"},
            ),
            ('{"mainPart": {"sizeGb": 1}, "image_id": "x"}', {"image_id"}),
            (
                '{"mainPart": {"sizeGb": 0}, "moreParts": [{"sizeGb": 10}]}',
                {"mainPart.sizeGb", "moreParts.0.sizeGb"},
            ),
        ],
    )
    def test_wrong_fields_are_named_as_in_json_and_pythons_names_are_unknown(
        self, text: str, fields: set[str]
    ) -> None:
        with pytest.raises(InvalidInput) as refused:
            parse_body(Whole, text.encode())
        assert {detail.field for detail in refused.value.details} <= fields
        assert refused.value.details

    @pytest.mark.parametrize("name", ["imageId", "image"])
    def test_a_field_is_taken_by_each_of_its_names(self, name: str) -> None:
        found = parse_body(Whole, f'{{"mainPart": {{"sizeGb": 1}}, "{name}": "x"}}'.encode())
        assert found.image_id == "x"

    def test_no_body_is_an_empty_object(self) -> None:
        class Nothing(ApiModel):
            """A model without required fields."""

        assert parse_body(Nothing, b"") == Nothing()


def _show(thing_id: ThingId, caller: Caller) -> Money:
    """Show a thing."""
    return Money.of(0)


def _list(caller: Caller) -> Reply[Listing[Money]]:
    """List things."""
    return Reply(Listing([]))


def _undocumented(caller: Caller) -> Money:
    return Money.of(0)


class TestDescribing:
    def test_values_of_the_path_are_the_other_parameters(self) -> None:
        spec = specification(_show, method="GET", path="/things/{thingId}")
        assert list(spec.path_model.model_fields) == ["thing_id"]
        assert (spec.data_type, spec.is_list, spec.description) == (Money, False, "Show a thing.")

    def test_a_list_in_a_reply_is_a_list(self) -> None:
        spec = specification(_list, method="GET")
        assert (spec.data_type, spec.is_list) == (Money, True)

    @pytest.mark.parametrize(
        ("function", "path"), [(_show, "/things"), (_show, "/things/{id}"), (_list, "/{thingId}")]
    )
    def test_a_path_that_does_not_fit_the_function_is_refused(
        self, function: Callable[..., Any], path: str
    ) -> None:
        with pytest.raises(TypeError, match="its path has"):
            specification(function, path=path)

    def test_a_function_without_a_docstring_is_refused(self) -> None:
        with pytest.raises(TypeError, match="docstring"):
            specification(_undocumented)

    def test_an_alias_has_the_same_values_in_its_path_and_changes_state_as_it_does(self) -> None:
        declared = {"method": "GET", "path": "/things/{thingId}"}
        with pytest.raises(TypeError, match="other path values than its alias /v1/things"):
            specification(_show, **declared, aliases=(("GET", "/v1/things"),))
        with pytest.raises(TypeError, match="a reading and a changing method: GET and POST"):
            specification(_show, **declared, aliases=(("POST", "/v1/things/{thingId}"),))

    def test_an_alias_is_an_operation_of_its_own(self) -> None:
        """Everything else is the same, so that code that visits all operations also finds the alias."""
        spec = specification(_show, method="PUT", path="/t/{thingId}", aliases=(("POST", "/v1/aThing/{thingId}"),))
        own, alias = spec.at_every_place()
        assert own is spec
        assert (alias.method, alias.path) == ("POST", "/v1/aThing/{thingId}")
        assert alias.name == f"{spec.name}_at_v1_a_thing_thing_id"
        assert alias.aliases == (("PUT", "/t/{thingId}"),)
        assert (alias.path_fields, alias.refusals, alias.scope) == (spec.path_fields, spec.refusals, spec.scope)

    def test_the_doors_own_refusals_are_among_its_errors(self) -> None:
        secured = set(specification(_show, path="/things/{thingId}", idempotent=True).refusals)
        assert {Unauthorized, Forbidden, NotFound, RateLimited, IdempotencyConflict} <= secured
        public = set(specification(_list, method="GET", public=True, rate_limited=False).refusals)
        assert not {Unauthorized, Forbidden, NotFound, RateLimited, IdempotencyConflict} & public

    def test_what_changes_state_for_somebody_known_is_audited(self) -> None:
        assert specification(_list).is_audited
        assert not specification(_list, method="GET").is_audited
        assert not specification(_list, public=True).is_audited
        assert specification(_list, method="GET", audited=True).is_audited


class TestRegistering:
    def test_names_and_places_are_taken_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(registry, "_functions", {})
        first = Function("list_things", __name__, Route("GET", "/things"), lambda event, context: None)
        register(first)
        alias = Route("GET", "/others", (("GET", "/things"),))
        for taken in (
            replace(first, trigger=Route("GET", "/others")),
            replace(first, name="list_others"),
            replace(first, name="list_others", trigger=alias),
        ):
            with pytest.raises(ValueError, match="collides"):
                register(taken)
        register(replace(first, name="make_thing", trigger=Route("POST", "/things")))
        for name in ("sweep", "meter"):
            register(replace(first, name=name, trigger=Schedule("rate(5 minutes)")))

    def test_an_alias_is_another_place(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(registry, "_functions", {})
        twice = Route("GET", "/things", (("GET", "/things"),))
        with pytest.raises(ValueError, match="names one place twice"):
            register(Function("list_things", __name__, twice, lambda event, context: None))

    def test_logical_ids_are_those_that_chalice_makes(self) -> None:
        function = Function("create_ssh_key", __name__, Schedule("rate(1 day)"), lambda event, context: None)
        assert function.logical_id == "CreateSshKey"


class TestCookies:
    def test_a_session_ends_with_the_cookies_that_it_began_with(self) -> None:
        begun = {(cookie.name, cookie.path) for cookie in cookies_of(TOKENS)}
        ended = {(cookie.name, cookie.path) for cookie in ended_cookies()}
        assert begun == ended
        assert all(cookie.max_age_seconds == 0 for cookie in ended_cookies())

    def test_scripts_read_the_csrf_token_and_no_other(self) -> None:
        readable = [cookie.name for cookie in cookies_of(TOKENS) if not cookie.http_only]
        assert readable == ["hearth_csrf"]

    def test_each_session_has_its_own_csrf_token(self) -> None:
        values = {cookies[-1].value for cookies in (cookies_of(TOKENS) for _ in range(50))}
        assert len(values) == 50
