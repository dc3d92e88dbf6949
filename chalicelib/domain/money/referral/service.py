"""Redeems referral codes, and rewards both sides once the referred customer has paid, exactly once (G01).

A check of a referral decides from stored data alone. Its ledger entries, both copies of the referral and the new
status are one transaction. So checks may be repeated, and events may be lost or arrive in any order.
"""

from collections.abc import Mapping, Sequence

from chalicelib.domain.money.ledger.models import EntryType, Operator
from chalicelib.domain.money.ledger.ports import ACCOUNT_UNCHANGED
from chalicelib.domain.money.ledger.service import AccountChange, Ledger
from chalicelib.domain.money.referral.codes import code_of, parse_code
from chalicelib.domain.money.referral.models import (
    MAX_REWARDS,
    MIN_TOP_UP_MICROS,
    REDEEMABLE_FOR,
    Referral,
    ReferralStatus,
    RewardReason,
    Side,
    Stats,
    counts,
    was_returned,
)
from chalicelib.domain.money.referral.ports import (
    CUSTOMER_ACTIVE,
    NEW_PAYER,
    NEW_REFERRAL,
    REFERRAL_SHARDS,
    REFERRAL_UNCHANGED,
    Limits,
    PaidTopUps,
    People,
    ReferralRecords,
)
from chalicelib.domain.money.top_ups.models import TopUp
from chalicelib.kernel.batches import process_each
from chalicelib.kernel.clock import Clock
from chalicelib.kernel.dataclasses import dataclass
from chalicelib.kernel.errors import Conflict, Forbidden, InvalidInput, NotFound
from chalicelib.kernel.ids import Kind, new_id
from chalicelib.kernel.pages import Page, PageRequest
from chalicelib.kernel.sites import site_of
from chalicelib.kernel.transactions import ConditionFailed, Transactor, Write, with_fresh_reads

ATTEMPTS_PER_HOUR = 10
_STALE = frozenset({ACCOUNT_UNCHANGED, REFERRAL_UNCHANGED})
_REFUSED_BECAUSE = {CUSTOMER_ACTIVE: RewardReason.NOT_ACTIVE, NEW_PAYER: RewardReason.SAME_PAYER}
_MAX_PAYERS = 20
"""The most cards and accounts of one payment that are recorded, because a transaction is limited."""


@dataclass(frozen=True)
class Redemption:
    """A request to redeem a code."""

    customer_id: str
    user_id: str
    code: str
    """The code as the user typed it."""
    ip: str


@dataclass(frozen=True)
class Overview:
    """A customer's code, and its results."""

    code: str
    stats: Stats
    redeemed: Referral | None
    """The referral that brought this customer; None if there is none."""


class Referrals:
    """Redeems codes, gives rewards and takes them back."""

    def __init__(
        self,
        records: ReferralRecords,
        top_ups: PaidTopUps,
        people: People,
        limits: Limits,
        ledger: Ledger,
        transactor: Transactor,
        clock: Clock,
    ) -> None:
        self._records = records
        self._top_ups = top_ups
        self._people = people
        self._limits = limits
        self._ledger = ledger
        self._transactor = transactor
        self._clock = clock

    def overview(self, customer_id: str) -> Overview:
        """A customer's code, and its results."""
        found = self._records.all_referrals(customer_id)
        own = [referral for referral in found if referral.side_of(customer_id) is Side.REFERRER]
        return Overview(code_of(customer_id), Stats.of(own), self._records.referral(customer_id))

    def rewards(self, customer_id: str, page: PageRequest) -> Page[Referral]:
        """The referrals that did or may give the customer a reward, in either role, newest first."""
        return self._records.referrals(customer_id, page)

    def redeem(self, redemption: Redemption) -> Referral:
        """Record which customer brought this one.

        Raises:
            RateLimited: too many codes were tried.
            InvalidInput: the text is not a code, or it is the customer's own.
            NotFound: no customer has this code.
            Conflict: a code was redeemed before, it is too late, or the customer has paid already.
            Forbidden: the two customers share a network or a billing address.
        """
        self._limits.check(f"referral:{redemption.customer_id}", ATTEMPTS_PER_HOUR, window_seconds=3600)
        referrer_id = self._referrer(parse_code(redemption.code))
        self._may_redeem(redemption, referrer_id)
        now = self._clock.now()
        referral = Referral(
            id=new_id(Kind.REFERRAL, now),
            referrer_id=referrer_id,
            referred_id=redemption.customer_id,
            redeemed_by=redemption.user_id,
            redeemed_at=now,
        ).waiting(now)
        try:
            self._transactor.commit(self._records.insert_referral(referral))
        except ConditionFailed as failed:
            if NEW_REFERRAL not in failed.asserts:
                raise
            raise Conflict(
                "You have redeemed a referral code already; there is one for each customer."
            ) from failed
        return referral

    def _referrer(self, code: str) -> str:
        found = self._records.customers_of_code(code)
        if len(found) != 1:
            raise NotFound("There is no such referral code.")
        return found[0]

    def _may_redeem(self, redemption: Redemption, referrer_id: str) -> None:
        user = self._people.get(redemption.user_id)
        if user is None or self._clock.now() - user.created_at > REDEEMABLE_FOR:
            raise Conflict(f"A referral code is redeemed within {REDEEMABLE_FOR.days} days of registering.")
        if next(self._top_ups.paid(redemption.customer_id, 1), None) is not None:
            raise Conflict("A referral code is redeemed before the first payment.")
        own, other = self._people.traces(redemption.customer_id), self._people.traces(referrer_id)
        brought = self._records.referral(referrer_id)
        if brought is not None and brought.referrer_id == redemption.customer_id:
            raise InvalidInput.of("code", "You have brought this customer yourself.")
        if referrer_id == redemption.customer_id or redemption.user_id in other.users or own.users & other.users:
            raise InvalidInput.of("code", "This is your own code; it is for others.")
        if own.with_network(site_of(redemption.ip)).lives_with(other):
            raise Forbidden("You seem to come from where this code comes from, and cannot redeem it.")

    def look(self, referred_id: str) -> Referral | None:
        """Do what is due for the referral of this customer; None if it has none. Safe to repeat."""
        return with_fresh_reads(lambda: self._look(referred_id), stale=_STALE)

    def _look(self, referred_id: str) -> Referral | None:
        referral = self._records.referral(referred_id)
        if referral is None:
            return None
        match referral.status:
            case ReferralStatus.WAITING:
                return self._reward(referral)
            case ReferralStatus.REWARDED:
                return self._watch(referral)
        return referral

    def _reward(self, referral: Referral) -> Referral:
        now = self._clock.now()
        paid = self._top_ups.paid(referral.referred_id, MIN_TOP_UP_MICROS)
        top_up = next((found for found in paid if counts(found)), None)
        if top_up is None:
            return self._keep(referral, referral.waiting(now)) if self._is_due(referral) else referral
        accounts = self._accounts(referral)  # read first: of two rewards at once, the second counts the first
        if reason := self._objection(referral, top_up):
            return self._keep(referral, referral.refused(reason, now, top_up.id))
        after = referral.rewarded(top_up.id, now)
        conditions = [
            *(self._records.active(change.account.customer_id) for change in accounts),
            *(self._records.insert_payer(payer, after) for payer in sorted(top_up.payers)[:_MAX_PAYERS]),
        ]
        try:
            return self._keep(referral, after, [*self._posted(after, accounts), *conditions])
        except ConditionFailed as failed:
            reasons = [reason for name, reason in _REFUSED_BECAUSE.items() if name in failed.asserts]
            if not reasons:
                raise
        return self._keep(referral, referral.refused(reasons[0], now, top_up.id))

    def _objection(self, referral: Referral, top_up: TopUp) -> RewardReason | None:
        """The reason not to reward `top_up`; None if there is none."""
        own, other = (self._people.traces(at).users for at in (referral.referred_id, referral.referrer_id))
        if own & other:
            return RewardReason.SAME_PEOPLE
        if top_up.payers and self._top_ups.has_paid_with(referral.referrer_id, top_up.payers):
            return RewardReason.SAME_PAYER
        found = self._records.all_referrals(referral.referrer_id)
        rewarded = [one for one in found if one.status is ReferralStatus.REWARDED]
        return RewardReason.LIMIT if len(rewarded) >= MAX_REWARDS else None

    def _watch(self, referral: Referral) -> Referral:
        now = self._clock.now()
        top_up = self._top_ups.top_up(referral.referred_id, referral.top_up_id)
        if top_up is None:
            raise NotFound(f"{referral.top_up_id}, which {referral.id} was rewarded for, is gone")
        if was_returned(top_up):
            after = referral.taken_back(now)
            return self._keep(referral, after, self._posted(after, self._accounts(referral)))
        return self._keep(referral, referral.watched(top_up, now)) if self._is_due(referral) else referral

    def _is_due(self, referral: Referral) -> bool:
        return referral.check_at is not None and self._clock.now() >= referral.check_at

    def _accounts(self, referral: Referral) -> Sequence[AccountChange]:
        """Changes to the accounts of both customers, without effects yet."""
        both, now = (referral.referrer_id, referral.referred_id), self._clock.now()
        return [self._ledger.change(customer_id, now) for customer_id in both]

    @staticmethod
    def _posted(referral: Referral, accounts: Sequence[AccountChange]) -> Sequence[Write]:
        """Give both rewards or take them back; a reward that is spent already becomes a debt."""
        is_given = referral.status is ReferralStatus.REWARDED
        writes: list[Write] = []
        for change in accounts:
            change.post_once(
                f"referral:{referral.id}:{referral.status}",
                EntryType.REWARD,
                referral.reward_micros if is_given else -referral.reward_micros,
                Operator.REFERRALS,
                reference=referral.id,
            )
            writes += change.writes()
        return writes

    def _keep(self, before: Referral, after: Referral, also: Sequence[Write] = ()) -> Referral:
        """Change a referral and commit `also` in the same transaction."""
        try:
            self._transactor.commit([*self._records.replace_referral(before, after), *also])
        except ConditionFailed as failed:
            if overtaken := failed.asserts & _STALE:
                # Another process was faster. The other failed conditions are decided from fresh reads.
                raise ConditionFailed(*overtaken) from failed
            raise
        return after

    def reconcile(self) -> Mapping[str, int]:
        """Check every referral that is due, so that a lost event delays a reward by a day but never loses it.

        Raises:
            ExceptionGroup: at least one check failed. All referrals were tried.
        """
        now = self._clock.now()
        due = (referral for shard in range(REFERRAL_SHARDS) for referral in self._records.due(shard, now))
        found = process_each(due, lambda one: self.look(one.referred_id), name=lambda one: one.id)
        ended = sum(referral is not None and referral.check_at is None for referral in found)
        return {"looked": len(found), "ended": ended}
