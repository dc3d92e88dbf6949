"""Translates OpenStack's errors into Hearth's (G27). Pure functions over texts; no I/O.

The texts are those of Heat, Nova, Neutron, Cinder and Placement. They may contain newlines and request ids, and
are for staff only: customers are shown the sentence of the code.
"""

import re
from collections.abc import Mapping
from math import ceil
from typing import Any, Final

from chalicelib.adapters.shared.http import retry_after_seconds
from chalicelib.domain.cloud.providers.errors import (
    CapacityUnavailable,
    ProviderDenied,
    ProviderError,
    ProviderThrottled,
    ProviderUnreachable,
    QuotaExceeded,
    SpecRejected,
)
from chalicelib.domain.cloud.providers.models import FailureCode, MachineFailure

MAX_RETRY_AFTER_SECONDS: Final = 300
"""The maximum `Retry-After` for customers, whatever the region asks for."""
REASON_LIMIT: Final = 1000
"""The stored length of a provider's text, in characters."""

_QUOTA: Final = re.compile(
    r"quota exceeded|exceeded? .*quota|over ?quota|exceeds allowed .* quota|exceedsavailablequota"
    r"|(volume|snapshot|gigabytes)\S* ?limit ?exceeded|maximum number of \w+ (exceeded|reached|allowed)"
    r"|reached the maximum stacks per tenant",
    re.IGNORECASE,
)
_NO_ROOM: Final = re.compile(
    r"no valid host|exhausted all hosts|exceeded max scheduling attempts|maximum number of (re)?tries"
    r"|no more (free )?(ip )?addresses|no more ips available|addresses? (are|is) exhausted"
    r"|ipaddressgenerationfailure"
    r"|no valid backend|no weighed backends|insufficient (compute|free|physical|virtual) \w+"
    r"|unable to allocate inventory|not enough (memory|vcpus|resources)",
    re.IGNORECASE,
)
_BUSY: Final = re.compile(
    r"too many requests|\b(http )?429\b|rate limit|overlimit|(request|action) ?in ?progress|already has an action",
    re.IGNORECASE,
)
_CODES: Final = (
    (_QUOTA, FailureCode.PROVIDER_QUOTA),
    (_NO_ROOM, FailureCode.CAPACITY_UNAVAILABLE),
    (_BUSY, FailureCode.PROVIDER_BUSY),
)
"""In this order: a text about a quota may also mention capacity, but not the other way round."""

_ERRORS: Final[Mapping[FailureCode, type[ProviderError]]] = {
    FailureCode.PROVIDER_QUOTA: QuotaExceeded,
    FailureCode.CAPACITY_UNAVAILABLE: CapacityUnavailable,
    FailureCode.PROVIDER_BUSY: ProviderThrottled,
}

_PARAMETERS: Final[Mapping[str, str]] = {
    "floating_network": "public_network",
    "key_name": "ssh_public_key",
    "public_key": "ssh_public_key",
    "size": "storage_gb",
}
"""Properties of resources whose names differ from our parameters."""

_HEAT_ERRORS: Final = frozenset(
    {
        "AttributeError",
        "ObjectActionError",
        "OrphanedObjectError",
        "ReadOnlyFieldError",
        "IncompatibleObjectVersion",
    }
)
"""Errors in Heat's own code, which it answers with 400 as if the request were wrong (its `fault.py`)."""

_NAMED: Final = (
    re.compile(r"resources\.\w+\.properties\.(\w+)"),
    re.compile(r"Parameter '(\w+)' is invalid"),
    re.compile(r"The Parameter \((\w+)\)"),
)


def one_line(text: str, limit: int = REASON_LIMIT) -> str:
    """Return `text` on one line, without control characters, cut to `limit` characters."""
    line = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def failure_from_reason(reason: str) -> MachineFailure:
    """Return why a stack failed, from its `stack_status_reason`."""
    return MachineFailure(_code_of(reason), one_line(reason) or "no reason given")


def error_from_answer(
    call: str, status: int, body: Mapping[str, Any], retry_after: str | None = None
) -> ProviderError:
    """Return the error for an unsuccessful answer.

    Args:
        call: the request, for staff, such as `POST orchestration /stacks`.
        status: the HTTP status, 300 or more.
        body: the JSON of the answer; empty if it had none.
        retry_after: the answer's `Retry-After`, if it had one.
    """
    text = message_of(body) or kind_of(body)
    told = one_line(f"{call}: {status} {text}".rstrip())
    if status == 429 or (status == 413 and "retryAfter" in str(body)):
        return ProviderThrottled(told, retry_after_seconds=_retry_after_seconds(retry_after))
    if status >= 500 or kind_of(body) in _HEAT_ERRORS:
        return ProviderUnreachable(told)
    if status != 401 and (error := _ERRORS.get(_code_of(text))):
        return error(told)
    if status in {401, 403}:
        return ProviderDenied(told)
    if status == 409:
        return ProviderThrottled(told) if kind_of(body) == "ActionInProgress" else ProviderError(told)
    if status == 400:
        return SpecRejected(_naming_parameter(told))
    return ProviderError(told)


def _retry_after_seconds(retry_after: str | None) -> int | None:
    """Return the region's `Retry-After` in seconds, rounded up and limited; None if there is none."""
    seconds = retry_after_seconds(retry_after)
    return None if seconds is None else min(max(1, ceil(seconds)), MAX_RETRY_AFTER_SECONDS)


def message_of(body: Mapping[str, Any]) -> str:
    """Return the message in an error's body, in any service's format; empty if there is none."""
    errors = body.get("errors")
    if isinstance(errors, list) and errors and isinstance(errors[0], dict):
        return str(errors[0].get("detail", ""))  # Placement
    for value in body.values():  # Heat and Keystone: error; Neutron: NeutronError; Nova and Cinder: forbidden, …
        if isinstance(value, dict) and isinstance(value.get("message"), str):
            return str(value["message"])
    return ""


def kind_of(body: Mapping[str, Any]) -> str:
    """Return Heat's name for an error, such as `StackExists`; empty if there is none."""
    error = body.get("error")
    return str(error.get("type", "")) if isinstance(error, dict) else ""


def _code_of(text: str) -> FailureCode:
    return next((code for pattern, code in _CODES if pattern.search(text)), FailureCode.PROVISIONING_FAILED)


def _naming_parameter(told: str) -> str:
    for pattern in _NAMED:
        if match := pattern.search(told):
            return f"{_PARAMETERS.get(match[1], match[1])}: {told}"
    return told
