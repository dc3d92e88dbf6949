"""Automatic top-ups: charge a saved card when the balance is low, within the customer's limits.

Each customer has one item with the rule and its progress. A charge starts with one transaction that writes the
top-up and marks the rule as charging. So at most one charge runs at a time, at most one starts per hour, and a
month's charges never exceed the cap (G10). `SavedCharges` then completes the charge.
"""

from collections.abc import Mapping
from dataclasses import replace

from chalicelib.domain.foundation.activity.models import SYSTEM, Activity, Outcome
from chalicelib.domain.foundation.activity.ports import ActivityLog
from chalicelib.domain.money.auto_top_up.models import AutoTopUpRule, AutoTopUpSettings
from chalicelib.domain.money.auto_top_up.ports import CUSTOMER_OPEN, RULE_SHARDS, RULE_UNCHANGED, AutoTopUpRecords
from chalicelib.domain.money.ledger.service import Ledger
from chalicelib.domain.money.payment_methods.saved_charges import SavedCharges
from chalicelib.domain.money.payment_methods.service import PaymentMethods
from chalicelib.domain.money.top_ups.models import TopUp, TopUpStatus
from chalicelib.domain.people.accounts.models import LetterKind
from chalicelib.domain.people.correspondence.ports import CustomerMail
from chalicelib.kernel.batches import process_each
from chalicelib.kernel.clock import Clock
from chalicelib.kernel.errors import Conflict, InvalidInput, NotFound
from chalicelib.kernel.ids import Kind, new_id
from chalicelib.kernel.transactions import ConditionFailed, Transactor, with_fresh_reads

_STALE = frozenset({RULE_UNCHANGED})


class AutoTopUps:
    """Stores customers' auto top-up settings and charges by them."""

    def __init__(
        self,
        records: AutoTopUpRecords,
        methods: PaymentMethods,
        charges: SavedCharges,
        ledger: Ledger,
        letters: CustomerMail,
        activity: ActivityLog,
        transactor: Transactor,
        clock: Clock,
    ) -> None:
        self._records = records
        self._methods = methods
        self._charges = charges
        self._ledger = ledger
        self._letters = letters
        self._activity = activity
        self._transactor = transactor
        self._clock = clock

    def get(self, customer_id: str) -> AutoTopUpRule | None:
        """A customer's rule; None if the customer never saved one."""
        return self._records.rule(customer_id)

    def put(self, customer_id: str, settings: AutoTopUpSettings) -> AutoTopUpRule:
        """Save the customer's settings. This ends a pause; the month's charges and the time of the last one are
        kept.

        Raises:
            InvalidInput: the cap is below one charge, or the customer has no such method.
            Conflict: the customer's account is closed.
            PaymentProviderError: the gateway, which stores the methods, does not answer.
        """
        if settings.monthly_cap_micros < settings.amount_micros:
            raise InvalidInput.of("monthlyCap", "The monthly cap must allow at least one top-up.")
        if settings.enabled:
            try:
                self._methods.get(customer_id, settings.method_id)
            except NotFound as error:
                raise InvalidInput.of("methodId", error.message) from error

        def keep() -> AutoTopUpRule:
            before = self._records.rule(customer_id)
            known = before or AutoTopUpRule(customer_id, settings)
            after = replace(known, settings=settings, declines=0, paused=False, version=known.version + 1)
            is_open = self._records.customer_is_open(customer_id)
            self._transactor.commit([self._records.replace_rule(before, after), is_open])
            return after

        try:
            return with_fresh_reads(keep, stale=_STALE)
        except ConditionFailed as failed:
            if CUSTOMER_OPEN in failed.asserts:
                raise Conflict("This account is closed.") from failed
            raise

    def process_all(self) -> Mapping[str, int]:
        """Process every customer whose rule needs it; return how many. Errors are raised at the end.

        Raises:
            ExceptionGroup: processing failed for at least one customer.
        """
        found = (one for shard in range(RULE_SHARDS) for one in self._records.customers_to_process(shard))
        return {"looked_at": len(process_each(found, self.process, name=str))}

    def process(self, customer_id: str) -> None:
        """Start a charge if the balance is low and the rule allows it, or continue the charge that is running."""
        rule = self._records.rule(customer_id)
        if rule is None:
            return
        if not rule.in_flight:
            started = self._start(rule)
            if started is None:
                return
            rule = started
        top_up = self._charges.advance(customer_id, rule.in_flight, rule.charging_method_id)
        if top_up is not None and top_up.status.is_final:
            self._end(rule, top_up)

    def _start(self, rule: AutoTopUpRule) -> AutoTopUpRule | None:
        """The rule with a new charge started; None if no charge is due, or another process started one."""
        now = self._clock.now()
        if not rule.may_start(now):
            return None
        balance = self._ledger.balance(rule.customer_id)
        # Frozen money may come back: a dispute, or a pending refund, is no reason to charge the card again.
        if balance.posted_micros - balance.held_micros + balance.frozen_micros >= rule.settings.low_limit_micros:
            return None
        top_up, writes = self._charges.start(rule.customer_id, rule.settings.amount_micros, now)
        after = rule.started(top_up, now)
        try:
            self._transactor.commit([*writes, self._records.replace_rule(rule, after)])
        except ConditionFailed as failed:
            if failed.asserts <= _STALE:
                return None
            raise
        return after

    def _end(self, rule: AutoTopUpRule, top_up: TopUp) -> None:
        """Record that the charge has ended; after too many declines, pause the rule and write to the customer."""

        def end() -> AutoTopUpRule | None:
            before = self._records.rule(rule.customer_id)
            if before is None or before.in_flight != top_up.id:
                return None
            after = before.ended(top_up)
            writes = [self._records.replace_rule(before, after)]
            if after.paused and not before.paused:
                letter = LetterKind.AUTO_TOP_UP_PAUSED
                writes += self._letters.to_customer(rule.customer_id, letter, {}, self._clock.now())
            self._transactor.commit(writes)
            return after

        ended = with_fresh_reads(end, stale=_STALE)
        if ended is not None and top_up.status is not TopUpStatus.SETTLED:
            self._record_outcome(ended, top_up)

    def _record_outcome(self, rule: AutoTopUpRule, top_up: TopUp) -> None:
        now = self._clock.now()
        self._activity.append(
            Activity(
                id=new_id(Kind.ACTIVITY, now),
                customer_id=rule.customer_id,
                at=now,
                actor_user_id=SYSTEM,
                action="pause_auto_top_up" if rule.paused else "charge_auto_top_up",
                outcome=Outcome.DENIED,
                targets={"topUpId": top_up.id},
                reason=top_up.failure,
            )
        )
