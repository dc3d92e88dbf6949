"""API keys: names shared by the services and the records."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

MAX_KEYS = 50
MAX_NAME_LENGTH = 64
MAX_LIFE = timedelta(days=3650)
MAX_OVERLAP = timedelta(days=7)
KeyChanges = Mapping[str, Any]
"""New values by the name of the field of `KeyRequest`; all fields except scopes and networks."""
