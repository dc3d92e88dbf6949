"""The file of a simulator's state."""

from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel

StateT = TypeVar("StateT", bound=BaseModel)


class StateFile:
    """One JSON document in one file; without a path, nothing is stored. Not thread-safe."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self._saved = ""

    def load(self, kind: type[StateT]) -> StateT | None:
        """The saved state; None if there is none.

        Raises:
            ValidationError: the file does not contain such a state.
        """
        if self.path is None or not self.path.exists():
            return None
        return kind.model_validate_json(self.path.read_bytes())

    def save(self, text: str) -> None:
        """Replace the file, unless its content is the same; a crash leaves either the old or the new one."""
        if self.path is None or text == self._saved:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        draft = self.path.with_name(f"{self.path.name}.new")
        draft.write_text(text)
        draft.replace(self.path)
        self._saved = text
