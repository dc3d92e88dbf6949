"""The data that a request may access."""

from chalicelib.kernel.dataclasses import dataclass


@dataclass(frozen=True)
class Reach:
    """A customer, or one project of it, to which a request is confined.

    Only the door creates one (`chalicelib/http/callers.py`), from the authenticated session or key; a test checks
    this. A service that takes a `Reach` instead of a customer's id cannot return more than the caller may see: a
    key confined to a project finds nothing outside it.
    """

    customer_id: str
    project_id: str = ""
    """The only project within reach; empty means all data of the customer."""

    def covers(self, project_id: str) -> bool:
        """Whether a thing in `project_id` (empty: in no project) is within reach."""
        return self.project_id in {"", project_id}
