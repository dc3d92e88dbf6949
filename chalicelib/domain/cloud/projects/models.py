"""Projects: groups of a customer's deployments, to which an API key can be confined."""

from datetime import datetime

from chalicelib.kernel.dataclasses import dataclass
from chalicelib.kernel.errors import FieldError, NotFound

MAX_PROJECTS_PER_CUSTOMER = 100


MAX_PROJECT_NAME_LENGTH = 64


@dataclass(frozen=True)
class Project:
    """A named group of a customer's deployments."""

    id: str
    customer_id: str
    name: str
    created_at: datetime
    version: int = 1
    """Increases with each change, and with each deployment that is added."""


def no_such_project() -> NotFound:
    """Return the error for a project that does not exist or is not within reach."""
    message = "You have no such project."
    return NotFound(message, details=[FieldError("projectId", message)])
