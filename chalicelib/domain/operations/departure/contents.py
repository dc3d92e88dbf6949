"""The content of an export, file by file; each file is read only while it is written."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from chalicelib.domain.cloud.deployments.models import Deployment
from chalicelib.domain.cloud.deployments.ports import DeploymentRecords
from chalicelib.domain.cloud.projects.models import Project
from chalicelib.domain.cloud.projects.ports import ProjectRecords
from chalicelib.domain.cloud.ssh_keys.models import SshKey
from chalicelib.domain.cloud.ssh_keys.ports import SshKeyRecords
from chalicelib.domain.foundation.access.models import ROLE_SCOPES, ApiKey, Scope
from chalicelib.domain.foundation.access.ports import ApiKeyRecords
from chalicelib.domain.foundation.activity.ports import ActivityLog
from chalicelib.domain.money.billing.models import MICROS_PER_CENT, Document, DocumentSummary
from chalicelib.domain.money.billing.ports import BillingRecords, Printer
from chalicelib.domain.money.journals.journals import CustomersChart, ExportFormat, journal
from chalicelib.domain.money.ledger.ports import LedgerRecords
from chalicelib.domain.money.top_ups.models import TopUp
from chalicelib.domain.money.top_ups.ports import TopUpRecords
from chalicelib.domain.operations.departure.models import Member
from chalicelib.domain.people.accounts.models import Membership, User
from chalicelib.domain.people.accounts.ports import Users
from chalicelib.domain.people.sessions.models import Session
from chalicelib.domain.people.sessions.ports import Sessions
from chalicelib.kernel.clock import isoformat
from chalicelib.kernel.dataclasses import dataclass
from chalicelib.kernel.money import format_amount
from chalicelib.kernel.pages import every_item

Json = Any
_README = """\
This is everything that Hearth keeps about you, and what your role lets you see of the account that you acted for.

Times are in UTC, amounts are decimal US dollars. Invoices are here as data and as PDFs; ledger.csv is every
movement of money, oldest first.
"""


@dataclass(frozen=True)
class Sources:
    """The records with the data of one customer and its members."""

    users: Users
    sessions: Sessions
    activity: ActivityLog
    deployments: DeploymentRecords
    projects: ProjectRecords
    ssh_keys: SshKeyRecords
    api_keys: ApiKeyRecords
    ledger: LedgerRecords
    billing: BillingRecords
    top_ups: TopUpRecords


class Contents:
    """Reads the content of a user's export."""

    def __init__(self, sources: Sources, printer: Printer) -> None:
        self._from = sources
        self._printer = printer

    def members(self, user: User, customer_id: str) -> Iterator[Member]:
        """Yield all files: the user's own, and those of the customer that the user's current role may see."""
        memberships = self._from.users.memberships(user.id)
        yield Member("README.txt", [_README.encode()])
        yield Member("profile.json", _document(_profile(user)))
        yield Member("memberships.json", _listed(map(_membership, memberships)))
        yield Member("sessions.json", _listed(map(_session, self._from.sessions.all_of(user.id))))
        role = next((one.role for one in memberships if one.customer_id == customer_id), None)
        if role is not None:
            yield from self._of_customer(customer_id, ROLE_SCOPES[role])

    def _of_customer(self, customer_id: str, scopes: frozenset[Scope]) -> Iterator[Member]:
        source = self._from
        if Scope.ACTIVITY_READ in scopes:
            log = every_item(lambda page: source.activity.list(customer_id, page))
            yield Member("activity.json", _listed(plain(one.for_customer) for one in log))
        if Scope.DEPLOYMENTS_READ in scopes:
            yield Member(
                "deployments.json", _listed(map(_deployment, source.deployments.all_deployments(customer_id)))
            )
        if Scope.SSH_KEYS_READ in scopes:
            keys = every_item(lambda page: source.ssh_keys.list(customer_id, page))
            yield Member("ssh-keys.json", _listed(map(_ssh_key, keys)))
        if Scope.PROJECTS_READ in scopes:
            projects = every_item(lambda page: source.projects.list(customer_id, page))
            yield Member("projects.json", _listed(map(_project, projects)))
        if Scope.API_KEYS_READ in scopes:
            yield Member("api-keys.json", _listed(map(_api_key, source.api_keys.all_of(customer_id))))
        if Scope.BILLING_PROFILE_READ in scopes:
            yield Member("billing-profile.json", _document(plain(source.billing.profile(customer_id))))
        if Scope.BILLING_READ in scopes:
            yield from self._of_money(customer_id)

    def _of_money(self, customer_id: str) -> Iterator[Member]:
        source = self._from
        entries = source.ledger.all_entries(customer_id)
        rows = journal(ExportFormat.CSV, entries, CustomersChart())
        yield Member("ledger.csv", (row.encode() for row in rows))
        top_ups = every_item(lambda page: source.top_ups.top_ups(customer_id, page))
        yield Member("top-ups.json", _listed(map(_top_up, top_ups)))
        for summary in every_item(lambda page: source.billing.invoices(customer_id, page)):
            yield from self._printed("invoices", summary, source.billing.invoice(customer_id, summary.id))
        for summary in every_item(lambda page: source.billing.credit_notes(customer_id, page)):
            yield from self._printed("credit-notes", summary, source.billing.credit_note(customer_id, summary.id))

    def _printed(self, folder: str, summary: DocumentSummary, found: Document | None) -> Iterator[Member]:
        """Yield a document as JSON and as its PDF."""
        if found is not None:
            yield Member(f"{folder}/{summary.number}.json", _document(plain(found)))
            yield Member(f"{folder}/{summary.number}.pdf", _once(lambda: self._printer.print(found)))


def _once(make: Callable[[], bytes]) -> Iterator[bytes]:
    """Yield the result of `make`, which is called only when it is read."""
    yield make()


def _document(value: Json) -> Iterator[bytes]:
    yield json.dumps(value, indent=1, ensure_ascii=False).encode() + b"\n"


def _listed(values: Iterable[Json]) -> Iterator[bytes]:
    """Yield a JSON array, item by item."""
    yield b"["
    for number, value in enumerate(values):
        yield (b",\n" if number else b"\n") + json.dumps(value, ensure_ascii=False).encode()
    yield b"\n]\n"


def plain(value: Any) -> Json:
    """Return `value` as JSON: names in camelCase, times in RFC 3339, money as decimal text."""
    if is_dataclass(value) and not isinstance(value, type):
        return _object({field.name: getattr(value, field.name) for field in fields(value)})
    if isinstance(value, Mapping):
        return {str(name): plain(item) for name, item in value.items()}
    if isinstance(value, str | int | bool | float | None) and not isinstance(value, StrEnum):
        return value
    match value:
        case StrEnum():
            return value.value
        case datetime():
            return isoformat(value)
        case date():
            return value.isoformat()
        case frozenset():
            return sorted(map(plain, value))
        case Sequence():
            return [plain(item) for item in value]
    return str(value)


def _object(values: Mapping[str, Any]) -> Json:
    made: dict[str, Json] = {}
    for name, value in values.items():
        stem, _, unit = name.rpartition("_")
        if unit in {"micros", "cents"} and isinstance(value, int):
            made[_camel(stem)] = format_amount(value if unit == "micros" else value * MICROS_PER_CENT)
        else:
            made[_camel(name)] = plain(value)
    return made


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


def _some(value: Any, *names: str) -> Json:
    """Return only the named fields of `value`: secret and internal fields must not be exported."""
    return _object({name: getattr(value, name) for name in names})


def _profile(user: User) -> Json:
    own = ("id", "email", "name", "phone", "locale", "time_zone", "may_be_called", "wants_news", "muted")
    return _some(user, *own, "created_at", "verified_at")


def _membership(membership: Membership) -> Json:
    return _some(membership, "customer_id", "customer_name", "role", "since")


def _session(session: Session) -> Json:
    known = ("id", "customer_id", "ip", "user_agent", "created_at", "last_used_at", "ends_at")
    return _some(session, *known, "has_second_factor")


def _ssh_key(key: SshKey) -> Json:
    return {**_some(key, "id", "name", "created_at"), "publicKey": key.key.text}


def _project(project: Project) -> Json:
    return _some(project, "id", "name", "created_at")


def _api_key(key: ApiKey) -> Json:
    own = ("id", "name", "scopes", "granted_by_user_id", "created_at", "expires_at", "last_used_on")
    confined = (
        "networks",
        "requests_per_minute",
        "daily_spend_cap_micros",
        "monthly_spend_cap_micros",
        "project_id",
    )
    return _some(key, *own, *confined)


def _deployment(deployment: Deployment) -> Json:
    wanted = ("id", "name", "region", "instance_type", "image", "ssh_key_id", "project_id", "status")
    times = ("created_at", "activated_at", "ended_at")
    price = format_amount(deployment.price_micros_per_hour)
    return {**_some(deployment, *wanted, *times, "outputs", "failure"), "pricePerHour": price}


def _top_up(top_up: TopUp) -> Json:
    return _some(top_up, "id", "method", "amount", "status", "created_at")
