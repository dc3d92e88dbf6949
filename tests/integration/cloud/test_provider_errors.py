"""While a region is silent, busy, refusing or full, customers get a documented error code, never 500.

The region is simulated; the adapter, the services and the door are the product's.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import httpx
import pytest

from chalicelib.adapters.providers.openstack.config import OpenStackConfig
from chalicelib.adapters.providers.openstack.failures import error_from_answer
from chalicelib.adapters.providers.openstack.provider import OpenStackProvider
from chalicelib.domain.cloud.catalog.availability import LIVE_SECONDS, WORTH_TELLING_SECONDS
from chalicelib.domain.cloud.providers.models import MachineRef, MachineSpec, StorageKind
from chalicelib.http import Visitor
from chalicelib.http.models import ApiModel
from chalicelib.http.spec import EndpointSpec
from chalicelib.kernel.clock import SystemClock
from chalicelib.wiring.app import app
from dev.simulators.faults import FaultMatch, RequestFault
from dev.simulators.openstack import OpenStackSimulator
from tests.fakes.identity import People
from tests.fakes.lifecycle import PUBLIC_KEY, REGION
from tests.support.api import Answer, Api, find
from tests.support.clock import SettableClock
from tests.support.doors import TestDoor
from tests.support.engine import Engine
from tests.support.parts import give
from tools.catalog_data import read_catalog

PROJECT = "hearth-1"
GPU = {"region": REGION, "instanceType": "h100-pcie-1", "imageId": "ubuntu-22.04"}
REF = MachineRef(REGION, PROJECT, "dep-1")
SPEC = MachineSpec("cpu_instance/v1", "cpu-small", "tiny", StorageKind.LOCAL, 10, PUBLIC_KEY)

Trouble = Mapping[str, Any]
SILENT: Trouble = {"kind": RequestFault.SLOW, "delay_seconds": 20}
RESET: Trouble = {"kind": RequestFault.CONNECTION_RESET}
DROPPED: Trouble = {"kind": RequestFault.DROP_AFTER_EFFECT}
DOWN: Trouble = {"kind": RequestFault.ERROR_BEFORE_EFFECT, "status": 503}
REFUSING: Trouble = {"kind": RequestFault.ERROR_BEFORE_EFFECT, "status": 403}
CONFLICTING: Trouble = {"kind": RequestFault.ERROR_BEFORE_EFFECT, "status": 409}
BUSY: Trouble = {"kind": RequestFault.RATE_LIMIT, "retry_after_seconds": 7}

CODES = [
    pytest.param(SILENT, 502, "PROVIDER_ERROR", id="silent"),
    pytest.param(RESET, 502, "PROVIDER_ERROR", id="reset"),
    pytest.param(DROPPED, 502, "PROVIDER_ERROR", id="dropped"),
    pytest.param(DOWN, 502, "PROVIDER_ERROR", id="down"),
    pytest.param(REFUSING, 502, "PROVIDER_ERROR", id="refusing"),
    pytest.param(CONFLICTING, 502, "PROVIDER_ERROR", id="conflicting"),
    pytest.param(BUSY, 503, "PROVIDER_BUSY", id="busy"),
]


@pytest.fixture(scope="module")
def simulator() -> Iterator[OpenStackSimulator]:
    """The simulated region."""
    with OpenStackSimulator(speed=50) as running:
        yield running


@pytest.fixture
def provider(simulator: OpenStackSimulator) -> Iterator[OpenStackProvider]:
    """The adapter, with short time-outs; the region is healthy and empty."""
    simulator.reset()
    region = {
        "auth_url": simulator.auth_url,
        "region_name": REGION,
        "network": "tenant",
        "public_network": "public",
        "projects": [{"name": PROJECT, "username": "hearth", "password": "hearthpass"}],
        "stacks_per_project": 1,
    }
    configuration = {"installation": "test", "regions": {REGION: region}, "call_timeout_seconds": 0.3}
    made = OpenStackProvider(OpenStackConfig.model_validate(configuration), SystemClock())
    give(cloud={"provider": lambda _: made})
    yield made
    made.close()


@pytest.fixture
def ann(
    api: Api, table: Engine, clock: SettableClock, provider: OpenStackProvider, monkeypatch: pytest.MonkeyPatch
) -> Api:
    """A customer."""
    app().cloud.catalog_loader.load(read_catalog())
    return People(api, table, monkeypatch).newcomer("ann@example.com")


def trouble(simulator: OpenStackSimulator, kind: Trouble, service: str | None = None) -> None:
    """Inject a fault into every request to the region, or to one of its services."""
    options = {name: value for name, value in kind.items() if name != "kind"}
    simulator.inject(kind["kind"], FaultMatch(service=service), times=None, **options)


def must_be(answer: Answer, status: int, code: str) -> None:
    """Assert that the answer has this status and code, and no text of the provider."""
    assert (answer.status, answer.code) == (status, code), answer.text
    assert answer.headers.get("Retry-After") == ("7" if code == "PROVIDER_BUSY" else None)
    told = answer.text.lower()
    assert not any(word in told for word in ("placement", "keystone", "127.0.0.1", PROJECT))


class TestAQuote:
    @pytest.mark.parametrize(("kind", "status", "code"), CODES)
    def test_names_why_the_region_does_not_report_free_gpus(
        self, ann: Api, simulator: OpenStackSimulator, kind: Trouble, status: int, code: str
    ) -> None:
        trouble(simulator, kind, "placement")
        for _ in range(2):  # the second answer is cached: the region was asked a moment ago
            must_be(ann.post("/deployments/quote", GPU), status, code)

    def test_is_given_again_once_the_region_answers(
        self, ann: Api, simulator: OpenStackSimulator, clock: SettableClock
    ) -> None:
        trouble(simulator, DOWN)
        assert ann.post("/deployments/quote", GPU).code == "PROVIDER_ERROR"
        simulator.faults.clear()
        clock.advance(LIVE_SECONDS)
        assert ann.post("/deployments/quote", GPU).data["available"] is True

    def test_uses_the_last_answer_while_it_is_fresh_enough(
        self, ann: Api, simulator: OpenStackSimulator, clock: SettableClock
    ) -> None:
        assert ann.post("/deployments/quote", GPU).data["available"] is True
        trouble(simulator, DOWN)
        clock.advance(WORTH_TELLING_SECONDS)
        assert ann.post("/deployments/quote", GPU).data["available"] is True
        clock.advance(LIVE_SECONDS)
        assert ann.post("/deployments/quote", GPU).code == "PROVIDER_ERROR"

    def test_needs_no_region_where_nothing_is_counted(self, ann: Api, simulator: OpenStackSimulator) -> None:
        trouble(simulator, DOWN)
        quote = ann.post("/deployments/quote", {**GPU, "instanceType": "cpu-2x4"})
        assert (quote.status, quote.data["available"]) == (200, None)


class TestTheOthers:
    @pytest.mark.parametrize(("kind", "status", "code"), CODES)
    def test_free_gpus_are_unknown_then(
        self, ann: Api, simulator: OpenStackSimulator, kind: Trouble, status: int, code: str
    ) -> None:
        trouble(simulator, kind)
        answer = ann.get("/catalog/gpu-availability", query={"region": REGION})
        assert answer.status == 200
        assert {(entry["status"], entry["available"]) for entry in answer.data} == {("unknown", None)}

    def test_health_says_that_the_region_is_not_well(self, ann: Api, simulator: OpenStackSimulator) -> None:
        trouble(simulator, DOWN)
        assert ann.get("/health").status == 200


class Done(ApiModel):
    """The response of the test's endpoint."""


Act = Callable[[Any], object]


def asking(act: Act) -> TestDoor:
    """An endpoint that calls the provider, declared like the product's endpoints."""

    def ask_provider(visitor: Visitor) -> Done:
        """Call the provider."""
        act(app().cloud.provider("openstack"))
        return Done()

    return TestDoor(ask_provider, public=True, asks_provider=True)


@pytest.mark.usefixtures("api")
class TestAnEndpointThatNeedsAnAnswer:
    """Any new endpoint: it does not convert errors itself."""

    @pytest.mark.parametrize(
        "act",
        [
            pytest.param(lambda provider: provider.place(REGION), id="place"),
            pytest.param(lambda provider: provider.get(REF), id="get"),
            pytest.param(lambda provider: provider.create(REF, SPEC), id="create"),
            pytest.param(lambda provider: provider.delete(REF), id="delete"),
            pytest.param(lambda provider: list(provider.list_owned(REGION)), id="list"),
            pytest.param(lambda provider: provider.power(REF), id="power"),
            pytest.param(lambda provider: provider.free_units(REGION), id="capacity"),
        ],
    )
    @pytest.mark.parametrize(("kind", "status", "code"), CODES)
    def test_answers_with_the_code_of_what_happened(
        self,
        provider: OpenStackProvider,
        simulator: OpenStackSimulator,
        act: Act,
        kind: Trouble,
        status: int,
        code: str,
    ) -> None:
        trouble(simulator, kind)
        must_be(asking(act).call(token=None), status, code)

    def test_a_region_whose_projects_are_full_is_a_quota(self, provider: OpenStackProvider) -> None:
        provider.create(REF, SPEC)
        must_be(asking(lambda found: found.place(REGION)).call(token=None), 409, "PROVIDER_QUOTA")

    def test_a_project_at_its_limit_is_a_quota(
        self, provider: OpenStackProvider, simulator: OpenStackSimulator
    ) -> None:
        limit = {"region": REGION, "project": PROJECT, "quota": {"stacks": 0}}
        assert httpx.post(f"{simulator.base_url}/_control/quota", json=limit).status_code == 200
        must_be(asking(lambda found: found.create(REF, SPEC)).call(token=None), 409, "PROVIDER_QUOTA")

    def test_no_room_is_reported_as_such(self, provider: OpenStackProvider) -> None:
        def refuse(_: object) -> None:
            raise error_from_answer(
                "POST compute /servers", 409, {"conflict": {"message": "No valid host was found."}}
            )

        must_be(asking(refuse).call(token=None), 409, "CAPACITY_UNAVAILABLE")

    def test_an_unknown_name_in_the_region_is_not_the_customers_fault(self, provider: OpenStackProvider) -> None:
        wrong = replace(SPEC, flavor="no-such-flavor")
        must_be(asking(lambda found: found.create(REF, wrong)).call(token=None), 502, "PROVIDER_ERROR")


def test_what_can_be_answered_is_documented() -> None:
    for path in ("/deployments/quote", "/deployments"):
        function = find("POST", path)[0]
        spec = function.documentation
        assert isinstance(spec, EndpointSpec)
        codes = {error.code for error in spec.refusals}
        assert codes >= {"PROVIDER_ERROR", "PROVIDER_BUSY", "PROVIDER_QUOTA", "CAPACITY_UNAVAILABLE"}
