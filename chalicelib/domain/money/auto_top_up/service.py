"""Topping up by itself: a saved card is charged when the balance is low, and never more than the customer said.

One item a customer holds the rule and what is going on under it. A charge begins by writing, in one transaction,
the top-up and the rule with it in flight: so there is one at a time, at most one an hour, and never more in a
month than the cap (G10). `SavedCharges` then brings it to its end.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from chalicelib.domain.foundation.activity.models import SYSTEM, Activity, Outcome
from chalicelib.domain.foundation.activity.ports import ActivityLog
from chalicelib.domain.money.ledger.service import Ledger
from chalicelib.domain.money.payment_methods.saved_charges import SavedCharges
from chalicelib.domain.money.payment_methods.service import PaymentMethods
from chalicelib.domain.money.top_ups.models import TopUp, TopUpStatus
from chalicelib.domain.people.accounts.models import LetterKind
from chalicelib.kernel.clock import Clock
from chalicelib.kernel.errors import Conflict, InvalidInput, NotFound
from chalicelib.kernel.ids import Kind, new_id
from chalicelib.kernel.transactions import ConditionFailed, Transactor, Write, with_fresh_reads
from chalicelib.kernel.turns import each_in_turn

RULE_UNCHANGED = "auto_top_up_unchanged"
CUSTOMER_OPEN = "customer_open"
RULE_SHARDS = 4
MOST_OFTEN = timedelta(hours=1)
DECLINES_BEFORE_PAUSE = 3
_FASTER = frozenset({RULE_UNCHANGED})


@dataclass(frozen=True)
class AutoTopUpWish:
    """What a customer wants."""

    enabled: bool
    low_limit_micros: int
    """Charge when less than this is available, or would be if nothing were frozen."""
    amount_micros: int
    method_id: str
    monthly_cap_micros: int
    """In a calendar month (UTC)."""


@dataclass(frozen=True)
class AutoTopUpRule:
    """A customer's wish, and what is going on under it."""

    customer_id: str
    wish: AutoTopUpWish
    in_flight: str = ""
    """The top-up that is being charged; empty where none is."""
    charging_method_id: str = ""
    """With which method it is."""
    last_started_at: datetime | None = None
    month: str = ""
    """`2026-11`: the month that `month_micros` is about."""
    month_micros: int = 0
    """Charged, or being charged, in that month."""
    declines: int = 0
    """Since the last charge that went through."""
    paused: bool = False
    """After too many declines, until the customer saves the rule again."""
    version: int = 0

    @property
    def is_to_be_looked_at(self) -> bool:
        """Whether something may have to be done."""
        return bool(self.in_flight) or (self.wish.enabled and not self.paused)

    def may_start(self, now: datetime) -> bool:
        """Whether the customer's limits let a charge begin at `now`."""
        if self.in_flight or not self.wish.enabled or self.paused:
            return False
        if self.last_started_at is not None and now - self.last_started_at < MOST_OFTEN:
            return False
        return self.used_micros(now) + self.wish.amount_micros <= self.wish.monthly_cap_micros

    def used_micros(self, now: datetime) -> int:
        """How much of the cap of the month of `now` is used."""
        return self.month_micros if self.month == month_of(now) else 0

    def started(self, top_up: TopUp, now: datetime) -> "AutoTopUpRule":
        """The rule with `top_up` in flight."""
        return replace(
            self,
            in_flight=top_up.id,
            charging_method_id=self.wish.method_id,
            last_started_at=now,
            month=month_of(now),
            month_micros=self.used_micros(now) + top_up.amount.micros,
            version=self.version + 1,
        )

    def ended(self, top_up: TopUp) -> "AutoTopUpRule":
        """The rule after `top_up` has come to its end; what was not charged does not count."""
        after = replace(self, in_flight="", charging_method_id="", version=self.version + 1)
        if top_up.status is TopUpStatus.SETTLED:
            return replace(after, declines=0)
        same_month = self.month == month_of(top_up.created_at)
        declines = self.declines + 1
        return replace(
            after,
            declines=declines,
            paused=declines >= DECLINES_BEFORE_PAUSE,
            month_micros=self.month_micros - (top_up.amount.micros if same_month else 0),
        )


def month_of(instant: datetime) -> str:
    """The calendar month of `instant`, which is in UTC."""
    return f"{instant:%Y-%m}"


class AutoTopUpRecords(Protocol):
    """Rules. Single reads are strongly consistent."""

    def rule(self, customer_id: str) -> AutoTopUpRule | None:
        """A customer's rule."""
        ...

    def to_be_looked_at(self, shard: int) -> Iterator[str]:
        """Customers whose rule may have something to do; the index may lag behind by moments."""
        ...

    def replace_rule(self, before: AutoTopUpRule | None, after: AutoTopUpRule) -> Write:
        """Keep a rule; asserts RULE_UNCHANGED."""
        ...

    def customer_is_open(self, customer_id: str) -> Write:
        """Change nothing; asserts CUSTOMER_OPEN: the customer has not closed its account."""
        ...


class LettersToCustomers(Protocol):
    """Asks for letters to those who look after a customer's money."""

    def to_customer(
        self, customer_id: str, kind: LetterKind, values: Mapping[str, str], at: datetime
    ) -> Sequence[Write]:
        """The writes that ask for them."""
        ...


class AutoTopUps:
    """Keeps customers' rules, and charges by them."""

    def __init__(
        self,
        records: AutoTopUpRecords,
        methods: PaymentMethods,
        charges: SavedCharges,
        ledger: Ledger,
        letters: LettersToCustomers,
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
        """A customer's rule; None where there never was one."""
        return self._records.rule(customer_id)

    def put(self, customer_id: str, wish: AutoTopUpWish) -> AutoTopUpRule:
        """Keep a wish. It ends a pause; what was charged in this month, and when, stays known.

        Raises:
            InvalidInput: the cap is below one charge, or the customer has no such method.
            Conflict: the account has been closed meanwhile, which ended its rule.
            PaymentProviderError: the gateway, which knows the methods, does not answer.
        """
        if wish.monthly_cap_micros < wish.amount_micros:
            raise InvalidInput.of("monthlyCap", "The monthly cap must allow at least one top-up.")
        if wish.enabled:
            try:
                self._methods.get(customer_id, wish.method_id)
            except NotFound as error:
                raise InvalidInput.of("methodId", error.message) from error

        def keep() -> AutoTopUpRule:
            before = self._records.rule(customer_id)
            known = before or AutoTopUpRule(customer_id, wish)
            after = replace(known, wish=wish, declines=0, paused=False, version=known.version + 1)
            is_open = self._records.customer_is_open(customer_id)
            self._transactor.commit([self._records.replace_rule(before, after), is_open])
            return after

        try:
            return with_fresh_reads(keep, stale=_FASTER)
        except ConditionFailed as failed:
            if CUSTOMER_OPEN in failed.asserts:
                raise Conflict("This account is closed.") from failed
            raise

    def look_at_all(self) -> Mapping[str, int]:
        """Look at every customer with a rule; one's trouble does not keep the others.

        Raises:
            ExceptionGroup: those who could not be looked at.
        """
        found = (one for shard in range(RULE_SHARDS) for one in self._records.to_be_looked_at(shard))
        return {"looked_at": len(each_in_turn(found, self.look, name=str))}

    def look(self, customer_id: str) -> None:
        """Begin a charge where the balance is low and the rule allows it, or go on with the one in flight."""
        rule = self._records.rule(customer_id)
        if rule is None:
            return
        if not rule.in_flight:
            started = self._start(rule)
            if started is None:
                return
            rule = started
        top_up = self._charges.go_on(customer_id, rule.in_flight, rule.charging_method_id)
        if top_up is not None and top_up.status.is_final:
            self._end(rule, top_up)

    def _start(self, rule: AutoTopUpRule) -> AutoTopUpRule | None:
        """The rule with a new top-up in flight; None where none is to be, or somebody else was faster."""
        now = self._clock.now()
        if not rule.may_start(now):
            return None
        balance = self._ledger.balance(rule.customer_id)
        # Frozen money may come back: a dispute, or a refund under way, is no reason to charge the card again.
        if balance.posted_micros - balance.held_micros + balance.frozen_micros >= rule.wish.low_limit_micros:
            return None
        top_up, writes = self._charges.beginning(rule.customer_id, rule.wish.amount_micros, now)
        after = rule.started(top_up, now)
        try:
            self._transactor.commit([*writes, self._records.replace_rule(rule, after)])
        except ConditionFailed as failed:
            if failed.asserts <= _FASTER:
                return None
            raise
        return after

    def _end(self, rule: AutoTopUpRule, top_up: TopUp) -> None:
        """Nothing is in flight any more; after too many declines, pause and say so."""

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

        ended = with_fresh_reads(end, stale=_FASTER)
        if ended is not None and top_up.status is not TopUpStatus.SETTLED:
            self._note(ended, top_up)

    def _note(self, rule: AutoTopUpRule, top_up: TopUp) -> None:
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
