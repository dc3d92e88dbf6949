"""The file with all subscriptions, which packaging writes from the registry (`tools/overlay.py`).

The relay reads it instead of importing the consumers, so that an error in one consumer's code cannot stop it.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from chalicelib.domain.foundation.changes.models import Event, Subscription

SUBSCRIPTIONS_FILE = Path("chalicelib") / "subscriptions.json"
"""Where packaging writes it, in the code that is deployed."""


def read_subscriptions(project: Path = Path(__file__).parents[3]) -> tuple[Subscription, ...]:
    """Return the subscriptions with which `project` was packaged.

    Raises:
        FileNotFoundError: it was not packaged.
    """
    found = json.loads((project / SUBSCRIPTIONS_FILE).read_text())
    return tuple(
        Subscription(
            one["consumer"],
            tuple(one["kinds"]),
            tuple(Event(event) for event in one["on"]),
            tuple(one["fields"]),
            one["ordered"],
        )
        for one in found
    )


def write_subscriptions(project: Path, subscriptions: Sequence[Subscription]) -> None:
    """Write `subscriptions` into `project`."""
    (project / SUBSCRIPTIONS_FILE).write_text(json.dumps([asdict(one) for one in subscriptions]))
