"""What a request may reach."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Reach:
    """A customer's things, or those of one project of it.

    Only the door makes one (`chalicelib/http/callers.py`), from the session or the key that it has checked; a test
    holds that. A service that takes a `Reach` instead of a customer's id cannot be asked for more than the caller
    may see: a key that is confined to a project finds nothing outside it.
    """

    customer_id: str
    project_id: str = ""
    """The only project that is reached; empty for all of the customer's things."""

    def covers(self, project_id: str) -> bool:
        """Whether a thing in `project_id` (empty: in no project) is reached."""
        return self.project_id in {"", project_id}
