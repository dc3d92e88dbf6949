"""Figures in documents equal those in the code: each phrase is made from the constant, and must be found."""

import re
from datetime import timedelta
from pathlib import Path

import pytest

from chalicelib.domain.cloud.catalog.prices import NOTICE
from chalicelib.domain.cloud.deployments.models import (
    DEFAULT_DEPLOYMENT_LIMIT,
    OVERRUN_CHARGED,
    POWER_STUCK_AFTER,
)
from chalicelib.domain.cloud.suspension.models import CAP_WARNING_PERCENT, WARNINGS_HOURS
from chalicelib.domain.foundation.access.api_keys import MAX_KEYS
from chalicelib.domain.foundation.access.models import MAX_REQUESTS_PER_MINUTE
from chalicelib.domain.foundation.access.networks import MAX_RULES
from chalicelib.domain.foundation.access.scopes import MAX_SCOPES
from chalicelib.domain.foundation.approvals.models import APPROVABLE_FOR, FOUR_EYES_ABOVE_MICROS
from chalicelib.domain.money.referral import models as referral
from chalicelib.domain.operations.departure.exports import LINK_LIFE_SECONDS
from chalicelib.domain.operations.departure.models import EXPORT_KEPT
from chalicelib.domain.operations.directory.words import MAX_WORDS
from chalicelib.domain.people.accounts.models import EMAIL_REVERTIBLE
from chalicelib.domain.people.attempts.attempts import SIGN_INS_PER_ADDRESS, USER_CODES_PER_PERSON
from chalicelib.domain.people.attempts.models import (
    ATTEMPTS_WITHOUT_DELAY,
    FORGOTTEN_AFTER_SECONDS,
    MAX_DELAY_SECONDS,
)
from chalicelib.domain.people.second_factor.models import MAX_CODES_PER_PENDING_SIGN_IN, PENDING_SIGN_IN_LIFE
from chalicelib.domain.people.second_factor.recovery_codes import RECOVERY_CODES
from chalicelib.domain.people.sign_in.device_sign_in import DEVICE_SIGN_IN_LIFE
from chalicelib.domain.people.sign_in.models import DEVICE_REMEMBERED
from chalicelib.kernel.limits import MAX_NUMBERED_ITEMS, REQUESTS_PER_MINUTE
from chalicelib.kernel.money import MICROS_PER_UNIT

DOCS = Path(__file__).parents[2] / "docs"
_WORDS = {3: "three", 4: "four", 5: "five", 7: "seven", 10: "ten", 20: "twenty", 30: "thirty", 40: "forty"}


def word(number: int) -> str:
    """`number` in the form for prose."""
    return _WORDS[number]


def minutes(span: timedelta) -> int:
    """A time span in whole minutes."""
    return int(span.total_seconds()) // 60


def usd(micros: int) -> str:
    """An amount in the form of the guides."""
    return f"{micros / MICROS_PER_UNIT:.2f} USD"


assert minutes(timedelta(seconds=MAX_DELAY_SECONDS)) == 15, "sign-in.md says: a quarter of an hour"

STATED = {
    "guides/account.md": [
        f"For {EMAIL_REVERTIBLE // timedelta(hours=1)} hours it restores",
        f"{word(minutes(DEVICE_SIGN_IN_LIFE))} minutes are over",
        f"can try {word(USER_CODES_PER_PERSON)} codes in a quarter of an hour",
        f"valid for {word(LINK_LIFE_SECONDS // 60)} minutes",
        f"kept for {EXPORT_KEPT // timedelta(days=7) * 'a week'}",
    ],
    "guides/api-keys.md": [
        f"| calls a minute (`requestsPerMinute`) | 1 | {MAX_REQUESTS_PER_MINUTE} | {REQUESTS_PER_MINUTE} |",
        f"at most {MAX_RULES} each",
        f"| keys of a customer; scopes of a key; rules of a list | | {MAX_KEYS} | |",
        f"| keys of a customer; scopes of a key; rules of a list | | {MAX_SCOPES} | |",
    ],
    "guides/referral.md": [
        f"{usd(referral.REWARD_MICROS)} for each side",
        f"first payment of at least {usd(referral.MIN_TOP_UP_MICROS)}",
        f"refunded below {usd(referral.MIN_TOP_UP_MICROS)}",
        f"within {referral.REDEEMABLE_FOR.days} days of registering",
        f"nothing was paid in {referral.WAITS_FOR.days} days",
        f"has {referral.MAX_REWARDS} rewards",
    ],
    "guides/sign-in.md": [
        f"{word(RECOVERY_CODES)} recovery codes are shown once",
        f"valid for {word(minutes(PENDING_SIGN_IN_LIFE))} minutes, {word(MAX_CODES_PER_PENDING_SIGN_IN)} codes",
        f"{word(SIGN_INS_PER_ADDRESS)} in a quarter of an hour",
        f"{word(ATTEMPTS_WITHOUT_DELAY)} free",
        f"so do {FORGOTTEN_AFTER_SECONDS // 3600} hours",
        f"not seen in {DEVICE_REMEMBERED.days} days",
    ],
    "guides/staff.md": [
        f"({DEFAULT_DEPLOYMENT_LIMIT} by default)",
        f"of up to {usd(FOUR_EYES_ABOVE_MICROS)}",
        f"decides within {word(APPROVABLE_FOR.days)} days",
        f"up to {word(MAX_WORDS)} words",
        f"reach up to {MAX_NUMBERED_ITEMS:,} items",
    ],
    "operations.md": [
        f"for {word(minutes(POWER_STUCK_AFTER))} minutes, a machine could not be switched off",
        f"pays for {word(minutes(OVERRUN_CHARGED))} minutes",
    ],
    "architecture.md": [
        f"a warning at {', '.join(map(str, WARNINGS_HOURS[:-1]))} and {WARNINGS_HOURS[-1]} hours",
    ],
    "adr/0013-zero-is-waited-for.md": [f"price × (60 s + {minutes(OVERRUN_CHARGED)} min)"],
    "adr/0015-spending-is-counted-by-the-second.md": [f"for {CAP_WARNING_PERCENT} % of a cap"],
    "../catalog/README.md": [f"at least {word(minutes(NOTICE))} minutes ahead"],
}


@pytest.mark.parametrize("name", STATED)
def test_figures_are_those_of_the_code(name: str) -> None:
    text = re.sub(r"\s+", " ", (DOCS / name).read_text())
    assert [phrase for phrase in STATED[name] if phrase not in text] == []
