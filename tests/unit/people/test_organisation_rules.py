"""The rules for giving and taking roles, and the guide about them."""

import re
from pathlib import Path

import pytest

from chalicelib.domain.foundation.access.models import ROLE_SCOPES, Role, Scope
from chalicelib.domain.people.organisations import invitations, organisations
from chalicelib.domain.people.organisations.members import may_grant

GUIDE = Path(__file__).parents[3] / "docs/guides/organisations.md"


def rows_of_guide() -> dict[str, dict[str, bool]]:
    """The guide's table: for each scope, the roles that have it."""
    lines = [line for line in GUIDE.read_text().splitlines() if line.startswith("|")]
    names = [cell.strip() for cell in lines[0].split("|")[2:-1]]
    rows = {}
    for line in lines[2:]:
        cells = [cell.strip() for cell in line.split("|")[1:-1]]
        rows[cells[0].strip("`")] = {name: cell == "yes" for name, cell in zip(names, cells[1:], strict=True)}
    return rows


def test_the_guide_has_the_table_that_is_enforced() -> None:
    enforced = {
        scope.value: {role.value: scope in ROLE_SCOPES[role] for role in Role}
        for scope in Scope
        if not scope.staff_only
    }
    assert rows_of_guide() == enforced


def test_the_guide_names_every_limit_as_it_is() -> None:
    text = re.sub(r"\s+", " ", GUIDE.read_text())
    assert f"{invitations.MAX_OPEN_INVITATIONS} open invitations" in text
    assert f"{invitations.INVITATIONS_PER_HOUR} mails an hour" in text
    assert f"{invitations.INVITATIONS_PER_ADDRESS_AND_HOUR} an hour to an address" in text
    assert f"({organisations.MAX_OWN_CUSTOMERS} at most" in text


@pytest.mark.parametrize("role", Role)
def test_nobody_gives_ownership(role: Role) -> None:
    assert not may_grant(ROLE_SCOPES[role], Role.OWNER)


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.OWNER])
def test_who_may_change_members_gives_what_they_hold(role: Role) -> None:
    for giver in (Role.OWNER, Role.ADMIN):
        assert may_grant(ROLE_SCOPES[giver], role)


def test_a_key_gives_no_more_than_it_has() -> None:
    narrow = frozenset({Scope.MEMBERS_WRITE, *ROLE_SCOPES[Role.VIEWER]})
    assert may_grant(narrow, Role.VIEWER)
    assert not may_grant(narrow, Role.DEVELOPER)
    assert not may_grant(frozenset({Scope.MEMBERS_WRITE}), Role.VIEWER)


def test_only_owners_and_admins_change_members() -> None:
    assert {role for role in Role if Scope.MEMBERS_WRITE in ROLE_SCOPES[role]} == {Role.OWNER, Role.ADMIN}
