"""AWS's default quotas: the use of our product, and that of a product with 450 endpoints."""

from pathlib import Path

import pytest

from tests.template.projects import Packaged, packaged_once
from tests.template.synthetic import ALIASES, ENDPOINTS, SIX_AREAS, synthetic_project
from tools import finalise
from tools.package import ROOT, package
from tools.runtime import Platform
from tools.template import budgets
from tools.template.budgets import QUOTAS, Quota, Use


@pytest.fixture(scope="module")
def synthetic(tmp_path_factory: pytest.TempPathFactory) -> Packaged:
    """A product of 450 endpoints in six areas, packaged with the same tools."""
    folder = tmp_path_factory.mktemp("synthetic")
    return packaged_once(synthetic_project(folder / "project"), folder / "build", percent=100)


def _by_name(quota: Quota) -> str:
    return f"{quota.words} of a {quota.of_each}".replace(" ", "-")


def test_the_product_uses_four_fifths_of_each_quota_at_most(product: Packaged) -> None:
    """The build fails above that; every quota is measured."""
    budgets.check(product.size.uses)
    assert {use.quota for use in product.size.uses} == set(QUOTAS)


def test_four_hundred_and_fifty_endpoints_fit_into_the_quotas(synthetic: Packaged) -> None:
    """They are in six areas, with several REST APIs, and with roles, schedules and state machines like ours."""
    size = synthetic.size
    budgets.check(size.uses, percent=100)
    assert (size.functions, size.operations) == (ENDPOINTS + 14 * len(SIX_AREAS), ENDPOINTS + ALIASES)
    assert set(synthetic.templates) == {"core", *SIX_AREAS, "front"}
    assert size.apis > 2
    assert budgets.largest(size.uses, budgets.PATH_NODES).actual <= budgets.PATH_NODES.allowed()


def test_every_operation_of_the_synthetic_product_is_in_one_api(synthetic: Packaged) -> None:
    """Callers see each path once, whatever the number of APIs."""
    places = [place for place in synthetic.operations() if place[1] != "options"]
    assert len(places) == ENDPOINTS + ALIASES
    assert len(synthetic.apis) == synthetic.size.apis
    for api in synthetic.apis.values():
        assert synthetic.templates["front"]["Resources"][api]["Properties"]["DefinitionBody"]["paths"]


@pytest.mark.parametrize("quota", QUOTAS, ids=_by_name)
def test_each_quota_stops_the_build(quota: Quota) -> None:
    """The error names the part that uses too much, both figures, and the remedy."""
    budgets.check([Use(quota, "this one", quota.allowed())])
    too_much = quota.allowed() + 1
    with pytest.raises(
        budgets.BudgetExceeded, match=rf"this one has {too_much:,} .*{quota.allowed():,} are allowed"
    ):
        budgets.check([Use(quota, "this one", too_much)])
    budgets.check([Use(quota, "this one", quota.limit)], percent=100)
    with pytest.raises(budgets.BudgetExceeded):
        budgets.check([Use(quota, "this one", quota.limit + 1)], percent=100)


def test_a_package_above_a_budget_is_not_written(fixture: Packaged, tmp_path: Path) -> None:
    """A build folder never contains a package that must not be deployed."""
    with pytest.raises(budgets.BudgetExceeded, match=r"core has .* resources"):
        package(fixture.project, tmp_path, Platform.here(), ROOT / "build" / "layers", percent=1)
    assert not (tmp_path / finalise.MANIFEST).exists()


def _uses(packaged: Packaged, quota: Quota) -> dict[str, int]:
    return {use.what: use.actual for use in packaged.size.uses if use.quota is quota}


def test_what_is_measured_is_what_is_there(fixture: Packaged) -> None:
    """The expected numbers were counted by hand in the fixture project."""
    assert _uses(fixture, budgets.PATH_NODES) == {"front.RestAPI": 5, "front.RestAPIV1": 3}
    assert _uses(fixture, budgets.REST_APIS) == _uses(fixture, budgets.MAPPINGS) == {"the installation": 2}
    assert _uses(fixture, budgets.SOCKET_ROUTES) == {"the installation": 2}
    assert _uses(fixture, budgets.SCHEDULES) == _uses(fixture, budgets.MACHINES) == {"the installation": 1}
    assert _uses(fixture, budgets.PARAMETERS)["core"] == 1
    assert set(_uses(fixture, budgets.TIMEOUT)) == {
        f"foundation.{name}" for name in ("GetNote", "PutNote", "Crash", "Overreach")
    }
    names = _uses(fixture, budgets.NAME_CHARACTERS)
    assert names["foundation.TakePayment"] == len("hearth-production-foundation-take_payment")
    assert set(_uses(fixture, budgets.RESOURCES)) == {"core", "foundation", "money", "cloud", "front"}


def test_a_policy_is_measured_as_iam_sees_it(fixture: Packaged) -> None:
    """It is approximate: ARNs are assumed to have a hundred characters."""
    policies = _uses(fixture, budgets.POLICY_CHARACTERS)
    assert 300 < policies["foundation.RoleTableRead"] < policies["foundation.RoleTableReadTableWrite"] < 1_500
