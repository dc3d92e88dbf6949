"""Projects: groups of a customer's deployments, and what an API key can be confined to."""

from dataclasses import dataclass
from datetime import datetime

from chalicelib.kernel.errors import FieldError, NotFound

MAX_PROJECTS_PER_CUSTOMER = 100


MAX_PROJECT_NAME_LENGTH = 64


@dataclass(frozen=True)
class Project:
    """A group of deployments under a name of the customer's."""

    id: str
    customer_id: str
    name: str
    created_at: datetime
    version: int = 1
    """Grows with each change, and with each deployment that comes in."""


def no_such_project() -> NotFound:
    """The refusal of a project that is none of the asker's."""
    message = "You have no such project."
    return NotFound(message, details=[FieldError("projectId", message)])
