"""Ports of referrals."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Protocol

from chalicelib.domain.money.referral.models import Referral, Traces
from chalicelib.domain.money.top_ups.models import TopUp
from chalicelib.domain.people.accounts.models import User
from chalicelib.kernel.pages import Page, PageRequest
from chalicelib.kernel.transactions import Write

NEW_REFERRAL = "new_referral"
REFERRAL_UNCHANGED = "referral_unchanged"
CUSTOMER_ACTIVE = "customer_active"
NEW_PAYER = "new_payer"
REFERRAL_SHARDS = 4


class ReferralRecords(Protocol):
    """Stores referrals. Reads are strongly consistent, except those by code and those of due referrals."""

    def customers_of_code(self, code: str) -> Sequence[str]:
        """The customers with this code: none or one; more only if the codes of two customers collide."""
        ...

    def referral(self, referred_id: str) -> Referral | None:
        """The referral of a referred customer; None if nobody brought it."""
        ...

    def referrals(self, customer_id: str, page: PageRequest) -> Page[Referral]:
        """The referrals of a customer in either role, newest first."""
        ...

    def all_referrals(self, customer_id: str) -> Sequence[Referral]:
        """All referrals of a customer in either role."""
        ...

    def due(self, shard: int, before: datetime) -> Iterator[Referral]:
        """The referrals whose `check_at` is before `before`; the index may be out of date by a moment."""
        ...

    def insert_referral(self, referral: Referral) -> Sequence[Write]:
        """Store a new referral for both sides; asserts NEW_REFERRAL: neither customer nor user has redeemed a code
        before.
        """
        ...

    def replace_referral(self, before: Referral, after: Referral) -> Sequence[Write]:
        """Change a referral on both sides; asserts REFERRAL_UNCHANGED."""
        ...

    def insert_payer(self, payer: str, referral: Referral) -> Write:
        """Record permanently that this card or account earned a reward; asserts NEW_PAYER."""
        ...

    def active(self, customer_id: str) -> Write:
        """A write that changes nothing; asserts CUSTOMER_ACTIVE: the customer is neither blocked nor closed."""
        ...


class PaidTopUps(Protocol):
    """Finds customers' payments. Reads are strongly consistent."""

    def top_up(self, customer_id: str, top_up_id: str) -> TopUp | None:
        """A customer's top-up; None if there is no such top-up."""
        ...

    def paid(self, customer_id: str, min_micros: int) -> Iterator[TopUp]:
        """The top-ups for which at least `min_micros` were credited, oldest first."""
        ...

    def has_paid_with(self, customer_id: str, payers: frozenset[str]) -> bool:
        """Whether any of the customer's top-ups was paid with one of `payers`."""
        ...


class People(Protocol):
    """Finds users, and the traces of customers."""

    def get(self, user_id: str) -> User | None:
        """The user; None if there is no such user. Strongly consistent."""
        ...

    def traces(self, customer_id: str) -> Traces:
        """The customer's traces."""
        ...


class Limits(Protocol):
    """Limits how often something may be tried."""

    def check(self, name: str, limit: int, window_seconds: int) -> None:
        """Count an attempt under `name`; raises RateLimited after `limit` attempts in the window."""
        ...
