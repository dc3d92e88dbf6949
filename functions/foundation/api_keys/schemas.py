"""Requests and responses of the API key endpoints."""

from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any, Self

from pydantic import AfterValidator, AwareDatetime, Field, StringConstraints

from chalicelib.domain.foundation.access.api_keys import MAX_NAME_LENGTH, MAX_OVERLAP
from chalicelib.domain.foundation.access.key_texts import visible_part
from chalicelib.domain.foundation.access.models import (
    MAX_REQUESTS_PER_MINUTE,
    ApiKey,
    KeyRequest,
    NetworkRule,
    NewKey,
    Scope,
)
from chalicelib.domain.foundation.access.networks import MAX_CIDR_LENGTH, MAX_NOTE_LENGTH, MAX_RULES
from chalicelib.domain.foundation.access.scopes import MAX_SCOPES, SCOPE_PATTERN
from chalicelib.http import ApiModel, Money
from chalicelib.http.models import id_of
from chalicelib.kernel.ids import Kind
from chalicelib.kernel.limits import REQUESTS_PER_MINUTE
from chalicelib.kernel.money import parse_amount
from functions.cloud.projects.schemas import ProjectId

ApiKeyId = id_of(Kind.API_KEY)
RuleId = id_of(Kind.IP_RULE)

_HOURS_OF_OVERLAP = MAX_OVERLAP // timedelta(hours=1)
_LEAST_CAP_MICROS, _MOST_CAP_MICROS = 10_000, 10**12


def _bounded(text: str) -> str:
    if not _LEAST_CAP_MICROS <= parse_amount(text) <= _MOST_CAP_MICROS:
        raise ValueError("a cap is from 0.01 to 1000000.00")
    return text


KeyName = Annotated[
    str,
    StringConstraints(min_length=1, max_length=MAX_NAME_LENGTH, pattern=r"^[^\x00-\x1f\x7f]+$"),
    Field(description="For people; need not be unique", examples=["deploys from CI"]),
]
ScopeText = Annotated[str, StringConstraints(max_length=64, pattern=SCOPE_PATTERN)]
Scopes = Annotated[
    list[ScopeText],
    Field(
        min_length=1,
        max_length=MAX_SCOPES,
        description="From `GET /api-scopes`; `<resource>:*` stands for your present scopes of the resource",
        examples=[["deployments:read"]],
    ),
]
Cidr = Annotated[
    str,
    StringConstraints(min_length=2, max_length=MAX_CIDR_LENGTH),
    Field(description="An IPv4 or IPv6 network, or one address", examples=["203.0.113.0/24"]),
]
Note = Annotated[str, StringConstraints(max_length=MAX_NOTE_LENGTH, pattern=r"^[^\x00-\x1f\x7f]*$")]
CallsPerMinute = Annotated[int, Field(ge=1, le=MAX_REQUESTS_PER_MINUTE, examples=[REQUESTS_PER_MINUTE])]
Expiry = Annotated[
    AwareDatetime, Field(description="In the future, at most ten years ahead", examples=["2035-01-01T00:00:00Z"])
]
Cap = Annotated[
    str,
    StringConstraints(max_length=20),
    AfterValidator(_bounded),
    Field(description="What machines ordered with the key may cost, in USD", examples=["25.00"]),
]


class ApiKeyRequest(ApiModel):
    """A key to create."""

    name: KeyName
    scopes: Scopes
    cidrs: list[Cidr] = Field(
        default=[], max_length=MAX_RULES, description="Where it may be used from; empty: everywhere"
    )
    requests_per_minute: CallsPerMinute = REQUESTS_PER_MINUTE
    expires_at: Expiry | None = None
    daily_spend_cap: Cap | None = Field(default=None, description="In a UTC day")
    monthly_spend_cap: Cap | None = Field(default=None, description="In a UTC month")
    project_id: ProjectId | None = Field(default=None, description="The only project that it can reach")

    def key_request(self) -> KeyRequest:
        """The request as the domain's type."""
        return KeyRequest(
            name=self.name,
            scopes=self.scopes,
            cidrs=self.cidrs,
            requests_per_minute=self.requests_per_minute,
            expires_at=self.expires_at,
            daily_spend_cap_micros=_micros(self.daily_spend_cap),
            monthly_spend_cap_micros=_micros(self.monthly_spend_cap),
            project_id=self.project_id or "",
        )


class ApiKeyChanges(ApiModel):
    """Changes of a key: fields that are left out stay, and null removes a limit."""

    name: KeyName = Field(default_factory=str)  # a factory keeps the default out of the API's documentation
    requests_per_minute: CallsPerMinute = Field(default_factory=int)
    expires_at: Expiry | None = None
    daily_spend_cap: Cap | None = None
    monthly_spend_cap: Cap | None = None
    project_id: ProjectId | None = None

    def changes(self) -> dict[str, Any]:
        """The fields that the request has, by the domain's names."""
        values = {
            "name": ("name", self.name),
            "requests_per_minute": ("requests_per_minute", self.requests_per_minute),
            "expires_at": ("expires_at", self.expires_at),
            "daily_spend_cap": ("daily_spend_cap_micros", _micros(self.daily_spend_cap)),
            "monthly_spend_cap": ("monthly_spend_cap_micros", _micros(self.monthly_spend_cap)),
            "project_id": ("project_id", self.project_id or ""),
        }
        return dict(values[name] for name in self.model_fields_set)


class ScopesRequest(ApiModel):
    """The scopes that replace a key's scopes."""

    scopes: Scopes


class RuleRequest(ApiModel):
    """A network to allow."""

    cidr: Cidr
    note: Note = Field(default="", examples=["the office"])


class RotationRequest(ApiModel):
    """How long the old secret works beside the new one."""

    overlap_hours: int = Field(
        default=24, ge=0, le=_HOURS_OF_OVERLAP, description="Hours for which the old secret still works; 0: none"
    )

    @property
    def overlap(self) -> timedelta:
        """The same as a duration."""
        return timedelta(hours=self.overlap_hours)


class RuleView(ApiModel):
    """A network from which keys may be used."""

    id: str = Field(examples=["ipr_01J…"])
    cidr: str = Field(examples=["203.0.113.0/24"])
    note: str
    created_at: datetime

    @classmethod
    def of(cls, rule: NetworkRule) -> Self:
        """The view of `rule`."""
        return cls(id=rule.id, cidr=rule.cidr, note=rule.note, created_at=rule.created_at)


class ApiKeyView(ApiModel):
    """A key, without its secret."""

    id: str = Field(examples=["ak_01J…"])
    name: str = Field(examples=["deploys from CI"])
    prefix: str = Field(description="How the key begins; this part is not secret", examples=["hk_live_01J…"])
    scopes: list[str] = Field(description="As they were requested", examples=[["deployments:*"]])
    granted_scopes: list[Scope] = Field(description="What they stood for when they were granted")
    granted_by_user_id: str = Field(
        description="The responsible member: it can do nothing that they cannot", examples=["usr_01J…"]
    )
    ip_whitelist: list[RuleView] = Field(description="Where it may be used from; empty: everywhere")
    requests_per_minute: int
    daily_spend_cap: Money | None
    monthly_spend_cap: Money | None
    project_id: str | None = Field(description="The only project that it reaches", examples=["prj_01J…"])
    created_at: datetime
    expires_at: datetime | None
    rotated_at: datetime | None
    previous_secret_ends_at: datetime | None = Field(description="The end of the previous secret")
    last_used_on: date | None = Field(description="The UTC day of its last use")

    @classmethod
    def of(cls, key: ApiKey, text_prefix: str) -> Self:
        """The view of `key`."""
        return cls(**_shown(key, text_prefix))


class NewApiKeyView(ApiKeyView):
    """A key with its secret, which is shown only now."""

    key: str = Field(description="Keep it now: it is not shown again", examples=["hk_live_01J…"])

    @classmethod
    def of_new(cls, new: NewKey, text_prefix: str) -> Self:
        """The view of `new`."""
        return cls(key=new.text, **_shown(new.key, text_prefix))


class ApiKeyDeleted(ApiModel):
    """A revoked key."""

    id: str = Field(examples=["ak_01J…"])


class RuleDeleted(ApiModel):
    """A deleted rule."""

    id: str = Field(examples=["ipr_01J…"])


class ScopeView(ApiModel):
    """A scope, or the wildcard of a resource."""

    name: str = Field(examples=["deployments:read"])
    description: str
    includes: list[Scope] = Field(description="The scopes of a wildcard, if its granter holds them")


def _micros(amount: str | None) -> int | None:
    return None if amount is None else parse_amount(amount)


def _shown(key: ApiKey, text_prefix: str) -> dict[str, Any]:
    daily, monthly = key.daily_spend_cap_micros, key.monthly_spend_cap_micros
    return {
        "id": key.id,
        "name": key.name,
        "prefix": visible_part(text_prefix, key.id),
        "scopes": list(key.scopes),
        "granted_scopes": sorted(key.granted),
        "granted_by_user_id": key.granted_by_user_id,
        "ip_whitelist": [RuleView.of(rule) for rule in key.rules],
        "requests_per_minute": key.requests_per_minute,
        "daily_spend_cap": None if daily is None else Money.of(daily),
        "monthly_spend_cap": None if monthly is None else Money.of(monthly),
        "project_id": key.project_id or None,
        "created_at": key.created_at,
        "expires_at": key.expires_at.astimezone(UTC) if key.expires_at else None,
        "rotated_at": key.rotated_at,
        "previous_secret_ends_at": key.old_secret.ends_at if key.old_secret else None,
        "last_used_on": key.last_used_on,
    }
