"""What automatic top-up needs from outside."""

from collections.abc import Iterator
from typing import Protocol

from chalicelib.domain.money.auto_top_up.models import AutoTopUpRule
from chalicelib.kernel.transactions import Write

RULE_UNCHANGED = "auto_top_up_unchanged"
CUSTOMER_OPEN = "customer_open"
RULE_SHARDS = 4


class AutoTopUpRecords(Protocol):
    """Storage of the rules. Single reads are strongly consistent."""

    def rule(self, customer_id: str) -> AutoTopUpRule | None:
        """A customer's rule; None if there is none."""
        ...

    def customers_to_process(self, shard: int) -> Iterator[str]:
        """The customers whose rule must be processed. The index may be out of date by a moment."""
        ...

    def replace_rule(self, before: AutoTopUpRule | None, after: AutoTopUpRule) -> Write:
        """Store `after` in place of `before`; asserts RULE_UNCHANGED."""
        ...

    def customer_is_open(self, customer_id: str) -> Write:
        """A write that changes nothing; asserts CUSTOMER_OPEN: the customer has not closed its account."""
        ...
