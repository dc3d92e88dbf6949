"""API keys: what one is, and where they are kept."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

MAX_KEYS = 50
MAX_NAME_LENGTH = 64
MAX_LIFE = timedelta(days=3650)
MAX_OVERLAP = timedelta(days=7)
KeyChanges = Mapping[str, Any]
"""New values for some of what a `KeyWish` has, except its scopes and its networks, by name."""
