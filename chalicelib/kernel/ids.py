"""Prefixed, sortable ids: `dep_01J…` is the kind followed by a ULID (https://github.com/ulid/spec)."""

import re
from datetime import datetime
from enum import StrEnum

from ulid import ULID

ULID_PATTERN = r"[0-7][0-9A-HJKMNP-TV-Z]{25}"


class Kind(StrEnum):
    """The prefix of each kind of id."""

    USER = "usr"
    CUSTOMER = "cus"
    SESSION = "ses"
    LETTER = "ltr"
    DEPLOYMENT = "dep"
    OPERATION = "op"
    EVENT = "evt"
    SSH_KEY = "key"
    API_KEY = "ak"
    IP_RULE = "ipr"
    TOP_UP = "top"
    HOLD = "hld"
    ENTRY = "ent"
    ACTIVITY = "act"
    REQUEST = "req"
    INVOICE = "inv"
    CREDIT_NOTE = "crn"
    REFUND = "rfd"
    APPROVAL = "apr"
    ANNOUNCEMENT = "ann"
    INVITATION = "ivt"
    PROJECT = "prj"
    TRANSFER = "trf"
    REFERRAL = "ref"
    EMAIL_CHANGE = "emc"
    ACCOUNT_EXPORT = "exp"


def new_id(kind: Kind, at: datetime) -> str:
    """A new id of `kind`. Ids sort by `at`, to the millisecond."""
    return f"{kind}_{ULID.from_datetime(at)}"


def pattern(kind: Kind) -> str:
    """The regular expression for a whole id of `kind`."""
    return f"^{kind}_{ULID_PATTERN}$"


def is_id(kind: Kind, text: str) -> bool:
    """Whether `text` has the form of an id of `kind`."""
    return re.fullmatch(f"{kind}_{ULID_PATTERN}", text) is not None
