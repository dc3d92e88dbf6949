"""What referrals need from outside."""

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
    """Where referrals are kept. Reads are strongly consistent, but for those by code and those that are due."""

    def customers_of_code(self, code: str) -> Sequence[str]:
        """Whose code it is: one customer's, or nobody's; more only where two ids were made into one code."""
        ...

    def referral(self, referred_id: str) -> Referral | None:
        """How the customer was brought."""
        ...

    def referrals(self, customer_id: str, page: PageRequest) -> Page[Referral]:
        """Those that the customer has to do with, on either side, newest first."""
        ...

    def all_referrals(self, customer_id: str) -> Sequence[Referral]:
        """All of them, on either side."""
        ...

    def due(self, shard: int, before: datetime) -> Iterator[Referral]:
        """Those whose `check_at` lies before; the index may lag behind by moments."""
        ...

    def insert_referral(self, referral: Referral) -> Sequence[Write]:
        """Keep a new one for both sides; asserts NEW_REFERRAL: neither customer nor user has redeemed before."""
        ...

    def replace_referral(self, before: Referral, after: Referral) -> Sequence[Write]:
        """Change one on both sides; asserts REFERRAL_UNCHANGED."""
        ...

    def insert_payer(self, payer: str, referral: Referral) -> Write:
        """Remember for ever that a reward was given for what was paid with this; asserts NEW_PAYER."""
        ...

    def active(self, customer_id: str) -> Write:
        """Change nothing; asserts CUSTOMER_ACTIVE: neither blocked nor closed."""
        ...


class PaidTopUps(Protocol):
    """What customers have paid. Reads are strongly consistent."""

    def top_up(self, customer_id: str, top_up_id: str) -> TopUp | None:
        """A customer's top-up."""
        ...

    def paid(self, customer_id: str, least_micros: int) -> Iterator[TopUp]:
        """Those that at least so much was credited for, oldest first."""
        ...

    def has_paid_with(self, customer_id: str, payers: frozenset[str]) -> bool:
        """Whether any of the customer's top-ups was paid with one of these."""
        ...


class People(Protocol):
    """Who somebody is, and where customers come from."""

    def get(self, user_id: str) -> User | None:
        """The user, as last written."""
        ...

    def traces(self, customer_id: str) -> Traces:
        """What tells a customer from others."""
        ...


class Limits(Protocol):
    """How often something may be tried."""

    def check(self, name: str, limit: int, window_seconds: int) -> None:
        """Count a try by `name`; raises RateLimited."""
        ...
