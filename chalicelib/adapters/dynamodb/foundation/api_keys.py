"""API keys, each in an item found by the id in its text, and one keyring per customer."""

import logging
from collections.abc import Sequence
from datetime import date
from typing import Any

from pynamodb.attributes import JSONAttribute, UnicodeAttribute, UnicodeSetAttribute
from pynamodb.exceptions import UpdateError
from pynamodb.expressions.condition import size
from pynamodb.expressions.update import Action

from chalicelib.adapters.dynamodb.foundation.places import CustomerRecord, MembershipRecord
from chalicelib.adapters.dynamodb.pages import decode_cursor, encode_cursor
from chalicelib.adapters.dynamodb.table import IntegerAttribute, OptionalInteger, OptionalText, Record
from chalicelib.adapters.dynamodb.transactor import DynamoWrite, check, delete, insert, update
from chalicelib.domain.foundation.access.models import (
    ApiKey,
    CustomerNetworks,
    CustomerStatus,
    KeyStanding,
    NetworkRule,
    OldSecret,
    Role,
    Scope,
)
from chalicelib.domain.foundation.access.ports import GRANTER_UNCHANGED, KEY_UNCHANGED, ROOM_LEFT, RULES_UNCHANGED
from chalicelib.kernel.clock import isoformat, parse_isoformat
from chalicelib.kernel.pages import Page, PageRequest

_log = logging.getLogger(__name__)
_CONDITION_FAILED = "ConditionalCheckFailedException"


class ApiKeyRecord(Record, discriminator="API_KEY"):
    """`API_KEY#<id>` / `API_KEY`: a key."""

    customer_id = UnicodeAttribute()
    name = UnicodeAttribute()
    secret_hash = UnicodeAttribute()
    old_secret_hash = OptionalText()
    old_secret_ends_at = OptionalText()
    old_secret_known_to = OptionalText()
    rotated_at = OptionalText()
    scopes = JSONAttribute()
    granted = JSONAttribute()
    granted_by_user_id = UnicodeAttribute()
    created_at = UnicodeAttribute()
    ends_at = OptionalText()
    rules = JSONAttribute()
    requests_per_minute = IntegerAttribute()
    daily_spend_cap_micros = OptionalInteger()
    monthly_spend_cap_micros = OptionalInteger()
    project_id = OptionalText()
    last_used_on = OptionalText()
    """Changed without a new `version`: a use is not a change of the key."""
    version = IntegerAttribute()


class KeyringRecord(Record, discriminator="KEYRING"):
    """`CUSTOMER#<customer>` / `KEYRING`: the ids of the customer's keys, and the networks for all of them."""

    key_ids = UnicodeSetAttribute(null=True)
    rules = JSONAttribute(null=True)
    rules_version = OptionalInteger()


class DynamoApiKeyRecords:
    """`ApiKeyRecords`; a list reads the keyring and then its keys, so that it is strongly consistent."""

    def get(self, key_id: str) -> ApiKey | None:
        """Return the key; see `ApiKeyRecords.get`."""
        try:
            return _key(ApiKeyRecord.get(f"API_KEY#{key_id}", "API_KEY", consistent_read=True))
        except ApiKeyRecord.DoesNotExist:
            return None

    def standing(self, key: ApiKey) -> KeyStanding:
        """Read customer, granter and keyring: three items in one request; see `ApiKeyRecords.standing`."""
        customer = f"CUSTOMER#{key.customer_id}"
        keys = [
            (customer, "CUSTOMER"),
            (customer, "KEYRING"),
            (f"USER#{key.granted_by_user_id}", f"MEMBERSHIP#{key.customer_id}"),
        ]
        status, role, networks = CustomerStatus.CLOSED, None, CustomerNetworks()
        for record in Record.batch_get(keys, consistent_read=True):
            if isinstance(record, CustomerRecord):
                status = CustomerStatus(record.status or CustomerStatus.ACTIVE)
            elif isinstance(record, MembershipRecord):
                role = Role(record.role)
            elif isinstance(record, KeyringRecord):
                networks = _networks(record)
        return KeyStanding(status, role, networks.cidrs)

    def all_of(self, customer_id: str) -> Sequence[ApiKey]:
        """Every key of the customer; see `ApiKeyRecords.all_of`."""
        key_ids = _keyring(customer_id).key_ids or set()
        found = ApiKeyRecord.batch_get(
            [(f"API_KEY#{key_id}", "API_KEY") for key_id in key_ids], consistent_read=True
        )
        return sorted(map(_key, found), key=lambda key: key.id)

    def list(self, customer_id: str, project_id: str, page: PageRequest) -> Page[ApiKey]:
        """Return a page of the customer's keys; see `ApiKeyRecords.list`. There are few, so it reads them all."""
        after = decode_cursor(page.cursor, frozenset({"sk"}))["sk"] if page.cursor is not None else ""
        keys = [
            key
            for key in self.all_of(customer_id)
            if key.id > after and (not project_id or key.project_id == project_id)
        ]
        shown = keys[: page.limit]
        return Page(shown, encode_cursor({"sk": shown[-1].id}) if len(keys) > len(shown) else None)

    def insert(self, key: ApiKey, limit: int) -> Sequence[DynamoWrite]:
        """Add a key; see `ApiKeyRecords.insert`."""
        room_left = KeyringRecord.key_ids.does_not_exist() | (size(KeyringRecord.key_ids) < limit)
        return [
            insert(_record(key), asserts="api_key_is_new"),
            update(
                _ring_key(key.customer_id),
                _with_keyring(KeyringRecord.key_ids.add({key.id})),
                room_left,
                ROOM_LEFT,
            ),
        ]

    def replace(self, key: ApiKey) -> DynamoWrite:
        """Store a changed key; see `ApiKeyRecords.replace`."""
        record = _record(key)
        actions = [_set_or_remove(record, name) for name in _CHANGEABLE]
        return update(
            record,
            [*actions, ApiKeyRecord.version.set(key.version + 1)],
            ApiKeyRecord.version == key.version,
            KEY_UNCHANGED,
        )

    def unchanged(self, key: ApiKey) -> DynamoWrite:
        """Assert that the key is unchanged; see `ApiKeyRecords.unchanged`."""
        return check(_record(key), ApiKeyRecord.version == key.version, KEY_UNCHANGED)

    def remove(self, key: ApiKey) -> Sequence[DynamoWrite]:
        """Delete a key; see `ApiKeyRecords.remove`."""
        return [
            delete(_record(key)),
            update(_ring_key(key.customer_id), _with_keyring(KeyringRecord.key_ids.delete({key.id}))),
        ]

    def note_use(self, key: ApiKey, day: date) -> None:
        """Record the day of a use; see `ApiKeyRecords.note_use`."""
        used_on = ApiKeyRecord.last_used_on
        is_later = used_on.does_not_exist() | (used_on < day.isoformat())
        try:
            ApiKeyRecord(f"API_KEY#{key.id}", "API_KEY").update(
                actions=[used_on.set(day.isoformat())], condition=ApiKeyRecord.version.exists() & is_later
            )
        except UpdateError as error:
            if error.cause_response_code != _CONDITION_FAILED:
                _log.warning("the use of a key was not noted", exc_info=error)

    def same_role(self, customer_id: str, user_id: str, role: Role) -> DynamoWrite:
        """Assert the user's role; see `ApiKeyRecords.same_role`."""
        membership = MembershipRecord(f"USER#{user_id}", f"MEMBERSHIP#{customer_id}")
        return check(membership, MembershipRecord.role == role.value, GRANTER_UNCHANGED)

    def networks(self, customer_id: str) -> CustomerNetworks:
        """Return the networks for all of the customer's keys; see `ApiKeyRecords.networks`."""
        return _networks(_keyring(customer_id))

    def replace_networks(self, customer_id: str, networks: CustomerNetworks) -> DynamoWrite:
        """Store changed networks; see `ApiKeyRecords.replace_networks`."""
        version = KeyringRecord.rules_version
        is_unchanged = version == networks.version if networks.version else version.does_not_exist()
        actions = [KeyringRecord.rules.set(_plain(networks.rules)), version.set(networks.version + 1)]
        return update(_ring_key(customer_id), _with_keyring(*actions), is_unchanged, RULES_UNCHANGED)


_CHANGEABLE = (
    "name",
    "secret_hash",
    "old_secret_hash",
    "old_secret_ends_at",
    "old_secret_known_to",
    "rotated_at",
    "scopes",
    "granted",
    "granted_by_user_id",
    "ends_at",
    "rules",
    "requests_per_minute",
    "daily_spend_cap_micros",
    "monthly_spend_cap_micros",
    "project_id",
)


def _set_or_remove(record: ApiKeyRecord, name: str) -> Action:
    attribute: Any = getattr(ApiKeyRecord, name)
    value = getattr(record, name)
    action: Action = attribute.remove() if value is None else attribute.set(value)
    return action


def _ring_key(customer_id: str) -> KeyringRecord:
    return KeyringRecord(f"CUSTOMER#{customer_id}", "KEYRING")


def _with_keyring(*actions: Action) -> Sequence[Action]:
    """Return the actions on a keyring with those that create it if it does not exist."""
    return [*actions, KeyringRecord.kind.set(KeyringRecord)]


def _keyring(customer_id: str) -> KeyringRecord:
    try:
        return KeyringRecord.get(f"CUSTOMER#{customer_id}", "KEYRING", consistent_read=True)
    except KeyringRecord.DoesNotExist:
        return _ring_key(customer_id)


def _networks(record: KeyringRecord) -> CustomerNetworks:
    return CustomerNetworks(_rules(record.rules or []), record.rules_version or 0)


def _record(key: ApiKey) -> ApiKeyRecord:
    old = key.old_secret
    return ApiKeyRecord(
        f"API_KEY#{key.id}",
        "API_KEY",
        customer_id=key.customer_id,
        name=key.name,
        secret_hash=key.secret_hash,
        old_secret_hash=old.hash if old else None,
        old_secret_ends_at=isoformat(old.ends_at) if old else None,
        old_secret_known_to=old.known_to_user_id if old else None,
        rotated_at=isoformat(key.rotated_at) if key.rotated_at else None,
        scopes=list(key.scopes),
        granted=sorted(key.granted),
        granted_by_user_id=key.granted_by_user_id,
        created_at=isoformat(key.created_at),
        ends_at=isoformat(key.expires_at) if key.expires_at else None,
        rules=_plain(key.rules),
        requests_per_minute=key.requests_per_minute,
        daily_spend_cap_micros=key.daily_spend_cap_micros,
        monthly_spend_cap_micros=key.monthly_spend_cap_micros,
        project_id=key.project_id or None,
        last_used_on=key.last_used_on.isoformat() if key.last_used_on else None,
        version=key.version,
    )


def _key(record: ApiKeyRecord) -> ApiKey:
    return ApiKey(
        id=record.pk.removeprefix("API_KEY#"),
        customer_id=record.customer_id,
        name=record.name,
        secret_hash=record.secret_hash,
        scopes=tuple(record.scopes),
        granted=frozenset(scope for scope in Scope if scope in record.granted),
        granted_by_user_id=record.granted_by_user_id,
        created_at=parse_isoformat(record.created_at),
        rules=_rules(record.rules),
        requests_per_minute=record.requests_per_minute,
        expires_at=parse_isoformat(record.ends_at) if record.ends_at else None,
        daily_spend_cap_micros=record.daily_spend_cap_micros,
        monthly_spend_cap_micros=record.monthly_spend_cap_micros,
        project_id=record.project_id or "",
        old_secret=_old_secret(record),
        rotated_at=parse_isoformat(record.rotated_at) if record.rotated_at else None,
        last_used_on=date.fromisoformat(record.last_used_on) if record.last_used_on else None,
        version=record.version,
    )


def _old_secret(record: ApiKeyRecord) -> OldSecret | None:
    if record.old_secret_hash is None or record.old_secret_ends_at is None:
        return None
    ends_at = parse_isoformat(record.old_secret_ends_at)
    return OldSecret(record.old_secret_hash, ends_at, record.old_secret_known_to or "")


def _plain(rules: Sequence[NetworkRule]) -> Sequence[dict[str, str]]:
    return [
        {"id": rule.id, "cidr": rule.cidr, "note": rule.note, "created_at": isoformat(rule.created_at)}
        for rule in rules
    ]


def _rules(plain: Sequence[dict[str, str]]) -> Sequence[NetworkRule]:
    return tuple(
        NetworkRule(rule["id"], rule["cidr"], rule["note"], parse_isoformat(rule["created_at"])) for rule in plain
    )
