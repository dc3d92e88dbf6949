"""Finds recorded answers of a real OpenStack, and compares other answers with them."""

import json
import re
from pathlib import Path
from typing import Any

import httpx

RECORDED = Path(__file__).parent / "recorded" / "openstack"
NAMES = sorted(path.stem for path in RECORDED.glob("*.json"))
FULL_TEMPLATE = (RECORDED / "full.yaml").read_text()

Json = Any


def recording(name: str) -> dict[str, Json]:
    """A recorded request with its answer."""
    found: dict[str, Json] = json.loads((RECORDED / f"{name}.json").read_text())
    return found


def number_of(name: str) -> int:
    """The number of a recording."""
    return int(name.split("-", maxsplit=1)[0])


EXACT = frozenset(
    {
        *("stack_status", "stack_status_reason", "resource_status", "resource_status_reason", "resource_type"),
        *("message", "title", "code", "explanation", "type", "detail", "output_key", "output_error"),
        *("rel", "interface", "methods"),
        *("OS-EXT-STS:vm_state", "OS-EXT-STS:power_state", "OS-EXT-STS:task_state"),
    }
)
"""Values that must be equal, apart from ids."""

LOOSE = frozenset({"belongs_to_default_sg"})
"""Values that differ from time to time in the real cloud too."""

ID = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}|[0-9a-f]{32}")
NORMALISED = (
    (re.compile(r"https?://127\.0\.0\.1:\d+(/regions/RegionOne/\w+|/identity)?"), "<base>"),
    (re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"), "<id>"),
    (re.compile(r"\b[0-9a-f]{32}\b"), "<id>"),
    (re.compile(r"\b(h1-rec-full|h1-bad|(?:[a-z]\w*-)+\d+)(?!\.)\b"), "<name>"),
)


def normalised(text: str) -> str:
    for pattern, word in NORMALISED:
        text = pattern.sub(word, text)
    return text


def differences(expected: Json, actual: Json, where: str = "body") -> list[str]:
    """The differences between two JSON values."""
    if isinstance(expected, dict) and isinstance(actual, dict):
        return dict_differences(expected, actual, where)
    if isinstance(expected, list) and isinstance(actual, list):
        return list_differences(expected, actual, where)
    if where.rsplit(".", 1)[-1] in LOOSE:
        return []
    if type(expected) is not type(actual):
        return [
            f"{where}: {type(actual).__name__} instead of {type(expected).__name__} ({actual!r} for {expected!r})"
        ]
    key = where.rsplit(".", 1)[-1]
    if key in EXACT and normalised(str(expected)) != normalised(str(actual)):
        return [f"{where}: {actual!r} instead of {expected!r}"]
    return []


def generic(value: dict[str, Json]) -> dict[str, Json]:
    """`value` with all ids that are keys replaced by one text."""
    return {ID.sub("<id>", key): item for key, item in value.items()}


def dict_differences(expected: dict[str, Json], actual: dict[str, Json], where: str) -> list[str]:
    expected, actual = generic(expected), generic(actual)
    found = [f"{where}.{key}: missing" for key in expected.keys() - actual.keys()]
    found += [f"{where}.{key}: not in the recording" for key in actual.keys() - expected.keys()]
    for key in expected.keys() & actual.keys():
        found += differences(expected[key], actual[key], f"{where}.{key}")
    return found


def is_counterpart(one: Json, other: Json) -> bool:
    """Whether two items of a list describe the same thing, by their names."""
    if not isinstance(one, dict) or not isinstance(other, dict):
        return True
    names = ("output_key", "resource_name", "resource_status", "name", "type", "rel", "direction", "ethertype")
    return all(one.get(name) == other.get(name) for name in names if name in one)


def list_differences(expected: list[Json], actual: list[Json], where: str) -> list[str]:
    if not expected:
        return []
    if not actual:
        # The recorded project had other stacks too.
        return [] if where == "body.stacks" else [f"{where}: empty"]
    found: list[str] = []
    for index, item in enumerate(actual):
        candidates = [other for other in expected if is_counterpart(other, item)] or expected
        attempts = [differences(candidate, item, f"{where}[{index}]") for candidate in candidates]
        attempts.sort(key=len)
        found += attempts[0]
    return found


SAME_HEADERS = (
    *("content-type", "location", "vary", "cache-control"),
    *("openstack-api-version", "x-openstack-nova-api-version"),
)
PRESENT_HEADERS = (
    *("x-openstack-request-id", "x-compute-request-id", "x-subject-token"),
    *("www-authenticate", "last-modified"),
)


def header_differences(expected: dict[str, str], answer: httpx.Response) -> list[str]:
    recorded = {key.lower(): value for key, value in expected.items()}
    found = [f"header {key}: missing" for key in PRESENT_HEADERS if key in recorded and key not in answer.headers]
    for key in SAME_HEADERS:
        wanted, given = recorded.get(key), answer.headers.get(key)
        if wanted is not None and (given is None or normalised(wanted).lower() != normalised(given).lower()):
            found.append(f"header {key}: {given!r} instead of {wanted!r}")
    return found


def body_of(answer: httpx.Response) -> Json:
    try:
        return answer.json()
    except ValueError:
        return answer.text
