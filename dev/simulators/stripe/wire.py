"""Stripe's formats: nested forms, pages, ids, errors, events."""

import re
import secrets
import time
from collections.abc import Iterable, Mapping
from typing import Final
from urllib.parse import parse_qsl

from dev.simulators.http import Json, Refused, Response

API_VERSION: Final = "2026-10-28.endive"
_PART: Final = re.compile(r"\[([^\]]*)\]")
_PAGE_DEFAULT, _PAGE_MOST = 10, 100


class Refusal(Refused):
    """An error in Stripe's format."""

    def __init__(self, status: int, message: str, code: str = "", **more: Json) -> None:
        super().__init__(message)
        self.status = status
        kind = "card_error" if status == 402 else "invalid_request_error"
        self.error: dict[str, Json] = {"type": kind, "message": message, **more}
        if code:
            self.error["code"] = code

    @property
    def response(self) -> Response:
        """The error answer."""
        return Response(self.status, {"error": self.error})


def missing(kind: str, object_id: str) -> Refusal:
    """The error for an object that does not exist."""
    return Refusal(404, f"No such {kind}: '{object_id}'", "resource_missing", param="id")


def new_id(prefix: str) -> str:
    """An id in Stripe's format."""
    return f"{prefix}_{secrets.token_hex(12)}"


def now() -> int:
    """Stripe's time, in whole seconds."""
    return int(time.time())


def parse_form(text: str) -> dict[str, Json]:
    """Parse a form such as `a[b][0][c]=d` to mappings and lists of texts."""
    tree: dict[str, Json] = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        head, *parts = name.split("[", 1)
        keys = [head, *_PART.findall(f"[{parts[0]}")] if parts else [head]
        node = tree
        for key in keys[:-1]:
            node = node.setdefault(key, {})
            if not isinstance(node, dict):
                raise Refusal(400, "Invalid form", "parameter_invalid")
        node[keys[-1] or str(len(node))] = value
    return {name: _with_lists(value) for name, value in tree.items()}


def _with_lists(value: Json) -> Json:
    if not isinstance(value, dict):
        return value
    if value and all(key.isdigit() for key in value):
        return [_with_lists(value[key]) for key in sorted(value, key=int)]
    return {key: _with_lists(item) for key, item in value.items()}


def whole_number(params: Mapping[str, Json], name: str) -> int:
    """A parameter that must be a positive whole number."""
    text = params.get(name)
    if not isinstance(text, str) or not text.isascii() or not text.isdigit() or int(text) == 0:
        raise Refusal(400, f"Invalid integer: {text}", "parameter_invalid_integer", param=name)
    return int(text)


def page_of(found: Iterable[Json], params: Mapping[str, Json], url: str) -> dict[str, Json]:
    """A page of objects, which are given oldest first; Stripe lists them newest first."""
    bounds = _bounds(params.get("created", {}))
    newest = [item for item in reversed(list(found)) if all(_holds(item["created"], *bound) for bound in bounds)]
    after = params.get("starting_after")
    if after:
        places = [place for place, item in enumerate(newest) if item["id"] == after]
        if not places:
            raise missing("object", after)
        newest = newest[places[0] + 1 :]
    limit = min(whole_number(params, "limit") if "limit" in params else _PAGE_DEFAULT, _PAGE_MOST)
    return {"object": "list", "url": url, "data": newest[:limit], "has_more": len(newest) > limit}


def _bounds(created: Json) -> list[tuple[str, int]]:
    if not isinstance(created, dict) or not created.keys() <= {"gt", "gte", "lt", "lte"}:
        raise Refusal(400, "Invalid created", "parameter_invalid", param="created")
    return [(name, whole_number(created, name)) for name in created]


def _holds(created: int, name: str, bound: int) -> bool:
    return {"gt": created > bound, "gte": created >= bound, "lt": created < bound, "lte": created <= bound}[name]


def event(kind: str, about: Json) -> dict[str, Json]:
    """An event with the present state of the object."""
    return {
        "id": new_id("evt"),
        "object": "event",
        "api_version": API_VERSION,
        "created": now(),
        "data": {"object": about},
        "livemode": False,
        "pending_webhooks": 1,
        "request": {"id": None, "idempotency_key": None},
        "type": kind,
    }
