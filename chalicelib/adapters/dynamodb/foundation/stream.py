"""Reads the records of the table's stream."""

from collections.abc import Mapping
from typing import Any

from chalicelib.domain.foundation.changes.models import MAX_FIELD_CHARACTERS, Change, Event

Record = Mapping[str, Any]

_TEXTS = ("S", "N")


def read_change(record: Record) -> Change:
    """The change in a record; a removed item is read as it was."""
    event, images = Event(record["eventName"]), record["dynamodb"]
    item = images["OldImage" if event is Event.REMOVE else "NewImage"]
    return Change(record["eventID"], event, item["kind"]["S"], item["pk"]["S"], item["sk"]["S"], _texts(item))


def _texts(item: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """The short texts and the numbers of an item, as text."""
    return {
        name: value
        for name, typed in item.items()
        for kind, value in typed.items()
        if kind in _TEXTS and len(value) <= MAX_FIELD_CHARACTERS
    }
