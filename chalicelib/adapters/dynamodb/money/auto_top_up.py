"""Stores auto top-up rules."""

import zlib
from collections.abc import Iterator

from pynamodb.attributes import BooleanAttribute, UnicodeAttribute

from chalicelib.adapters.dynamodb.foundation.places import CustomerRecord
from chalicelib.adapters.dynamodb.table import IntegerAttribute, OptionalText, Record
from chalicelib.adapters.dynamodb.transactor import check, insert, put
from chalicelib.domain.foundation.access.models import CustomerStatus
from chalicelib.domain.money.auto_top_up.models import AutoTopUpRule, AutoTopUpSettings
from chalicelib.domain.money.auto_top_up.ports import CUSTOMER_OPEN, RULE_SHARDS, RULE_UNCHANGED
from chalicelib.kernel.clock import isoformat, parse_isoformat
from chalicelib.kernel.transactions import Write


class AutoTopUpRecord(Record, discriminator="AUTO_TOP_UP"):
    """`CUSTOMER#<customer>` / `AUTO_TOP_UP`; in `gsi2` under `AUTO_TOP_UPS#<shard>` while it must be processed."""

    enabled = BooleanAttribute()
    low_limit_micros = IntegerAttribute()
    amount_micros = IntegerAttribute()
    method_id = UnicodeAttribute()
    monthly_cap_micros = IntegerAttribute()
    in_flight = OptionalText()
    charging_method_id = OptionalText()
    last_started_at = OptionalText()
    month = OptionalText()
    month_micros = IntegerAttribute()
    declines = IntegerAttribute()
    paused = BooleanAttribute()
    version = IntegerAttribute()


class DynamoAutoTopUpRecords:
    """`AutoTopUpRecords` with one item per customer."""

    def rule(self, customer_id: str) -> AutoTopUpRule | None:
        """A customer's rule; see `AutoTopUpRecords.rule`."""
        try:
            return _rule(AutoTopUpRecord.get(f"CUSTOMER#{customer_id}", "AUTO_TOP_UP", consistent_read=True))
        except AutoTopUpRecord.DoesNotExist:
            return None

    def customers_to_process(self, shard: int) -> Iterator[str]:
        """The customers whose rule must be processed; see `AutoTopUpRecords.customers_to_process`."""
        found = AutoTopUpRecord.query(f"AUTO_TOP_UPS#{shard}", index_name="gsi2")
        return (record.pk.removeprefix("CUSTOMER#") for record in found)

    def replace_rule(self, before: AutoTopUpRule | None, after: AutoTopUpRule) -> Write:
        """Store a rule; see `AutoTopUpRecords.replace_rule`."""
        if before is None:
            return insert(_record(after), RULE_UNCHANGED)
        return put(_record(after), AutoTopUpRecord.version == before.version, RULE_UNCHANGED)

    def customer_is_open(self, customer_id: str) -> Write:
        """Assert that the customer is not closed; see `AutoTopUpRecords.customer_is_open`."""
        unset = CustomerRecord.status.does_not_exist()
        is_open = unset | (CustomerRecord.status != CustomerStatus.CLOSED.value)
        return check(CustomerRecord(f"CUSTOMER#{customer_id}", "CUSTOMER"), is_open, CUSTOMER_OPEN)


def _rule(record: AutoTopUpRecord) -> AutoTopUpRule:
    return AutoTopUpRule(
        customer_id=record.pk.removeprefix("CUSTOMER#"),
        settings=AutoTopUpSettings(
            enabled=record.enabled,
            low_limit_micros=record.low_limit_micros,
            amount_micros=record.amount_micros,
            method_id=record.method_id,
            monthly_cap_micros=record.monthly_cap_micros,
        ),
        in_flight=record.in_flight or "",
        charging_method_id=record.charging_method_id or "",
        last_started_at=parse_isoformat(record.last_started_at) if record.last_started_at else None,
        month=record.month or "",
        month_micros=record.month_micros,
        declines=record.declines,
        paused=record.paused,
        version=record.version,
    )


def _record(rule: AutoTopUpRule) -> AutoTopUpRecord:
    shard = zlib.crc32(rule.customer_id.encode()) % RULE_SHARDS
    return AutoTopUpRecord(
        f"CUSTOMER#{rule.customer_id}",
        "AUTO_TOP_UP",
        gsi2pk=f"AUTO_TOP_UPS#{shard}" if rule.needs_processing else None,
        gsi2sk=rule.customer_id if rule.needs_processing else None,
        enabled=rule.settings.enabled,
        low_limit_micros=rule.settings.low_limit_micros,
        amount_micros=rule.settings.amount_micros,
        method_id=rule.settings.method_id,
        monthly_cap_micros=rule.settings.monthly_cap_micros,
        in_flight=rule.in_flight or None,
        charging_method_id=rule.charging_method_id or None,
        last_started_at=isoformat(rule.last_started_at) if rule.last_started_at else None,
        month=rule.month or None,
        month_micros=rule.month_micros,
        declines=rule.declines,
        paused=rule.paused,
        version=rule.version,
    )
