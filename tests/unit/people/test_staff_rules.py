"""Rules for every endpoint for staff, by the route table; and the guide, compared with the permissions."""

import re
from pathlib import Path

import pytest

from chalicelib.domain.foundation.access.models import STAFF_SCOPES, Scope, StaffRole
from chalicelib.http.models import StaffPageQuery
from chalicelib.http.spec import EndpointSpec, operations
from chalicelib.runtime.registry import load_all
from tests.support.samples import schema_of

GUIDE = Path(__file__).parents[3] / "docs/guides/staff.md"
SPECS = [spec for spec in operations(load_all()) if spec.scope and spec.staff_only]
ON_A_CUSTOMER = [spec for spec in SPECS if "{customerId}" in spec.path and not spec.is_safe]
LISTS = [spec for spec in SPECS if spec.is_list and spec.query_model]


def named(specs: list[EndpointSpec]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("spec", [pytest.param(spec, id=spec.name) for spec in specs])


@named(ON_A_CUSTOMER)
def test_changes_by_staff_need_a_reason_and_are_logged(spec: EndpointSpec) -> None:
    asked = spec.body_model or spec.query_model
    assert asked, "it takes no reason"
    schema = schema_of(asked)
    assert "reason" in schema["required"]
    assert schema["properties"]["reason"]["minLength"] >= 3
    assert spec.is_audited


@named([spec for spec in SPECS if not spec.is_safe])
def test_whatever_staff_change_is_logged(spec: EndpointSpec) -> None:
    assert spec.is_audited


@named(LISTS)
def test_staffs_lists_have_pages_with_numbers_too(spec: EndpointSpec) -> None:
    """Numbered pages and totals are limited to a fixed number of items."""
    assert spec.query_model
    assert issubclass(spec.query_model, StaffPageQuery)


def test_the_guide_says_which_role_may_ask_for_what() -> None:
    rows = re.findall(r"^\| `(staff\.[a-z.:]+)` \|(.*)\|$", GUIDE.read_text(), re.MULTILINE)
    written = {scope: [cell.strip() == "yes" for cell in cells.split("|")] for scope, cells in rows}
    roles = (StaffRole.OWNER, StaffRole.ADMIN, StaffRole.MANAGER, StaffRole.SUPPORT)
    assert written == {
        scope: [scope in STAFF_SCOPES[role] for role in roles] for scope in Scope if scope.staff_only
    }
