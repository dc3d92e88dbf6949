"""Parts that all of Heat's handlers share: the service, its errors, finding stacks."""

import re
from http import HTTPStatus
from typing import Final

from dev.simulators.http import Json, Response
from dev.simulators.openstack.api import ApiError, Call, Service
from dev.simulators.openstack.hot_functions import HotError
from dev.simulators.openstack.state import Stack

EXPLANATIONS: Final = {
    400: "The server could not comply with the request since it is either malformed or otherwise incorrect.",
    403: "Access was denied to this resource.",
    404: "The resource could not be found.",
    409: "There was a conflict when trying to complete your request.",
    500: "The server has either erred or is incapable of performing the requested operation.",
}
STACK_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,254}")
STACK: Final = "/v1/{project_id}/stacks/{name}/{id}"


class Heat(Service):
    """The orchestration service."""

    def admit(self, call: Call) -> None:
        """Refuse a token of another project, or without a project."""
        in_path = call.path.split("/")[2:3]
        if call.token.project_id is None or in_path != [call.token.project_id]:
            raise heat_error(403, "HTTPForbidden", EXPLANATIONS[403])


service = Heat("orchestration")


def heat_error(status: int, type_: str, message: str | None) -> ApiError:
    """An error in Heat's format; some of Heat's own errors have no message."""
    error = {"type": type_, "traceback": None} | ({} if message is None else {"message": message})
    title = HTTPStatus(status).phrase
    return ApiError(
        Response(status, {"code": status, "title": title, "explanation": EXPLANATIONS[status], "error": error})
    )


def bad_request(message: str) -> ApiError:
    """A 400 from the API itself."""
    return heat_error(400, "HTTPBadRequest", message)


def refused(error: HotError) -> ApiError:
    """A 400 from the engine."""
    return heat_error(400, error.type, error.message)


def no_such_stack(name: str) -> ApiError:
    """The 404 for a stack that does not exist."""
    return heat_error(404, "EntityNotFound", f"The Stack ({name}) could not be found.")


def own_stacks(call: Call) -> list[Stack]:
    """The project's stacks, newest first."""
    own = [stack for stack in call.region.stacks.values() if stack.project_id == call.project_id]
    return list(reversed(own))


def live_by_name(call: Call, name: str) -> Stack | None:
    """The project's stack with this name that is not deleted; the name of a deleted stack is free."""
    return next((stack for stack in own_stacks(call) if stack.name == name and not stack.is_deleted), None)


def identified(call: Call, *, deleted: bool = True) -> Stack:
    """The stack named by name and id in the path."""
    name = call.arguments["name"]
    stack = call.region.stacks.get(call.arguments["id"])
    if stack is None or stack.name != name or stack.project_id != call.project_id:
        raise no_such_stack(name)
    if stack.is_deleted and not deleted:
        raise no_such_stack(name)
    return stack


def stack_url(call: Call, stack: Stack) -> str:
    """A stack's canonical URL."""
    return f"{call.service_url}/v1/{stack.project_id}/stacks/{stack.name}/{stack.id}"


def self_link(call: Call, stack: Stack) -> list[Json]:
    """The link of a stack to itself."""
    return [{"href": stack_url(call, stack), "rel": "self"}]


def whole_number(text: Json, name: str) -> int:
    """A whole number in a request; raises ApiError if it is not one."""
    try:
        number = int(text)
    except (TypeError, ValueError) as error:
        raise bad_request(f"Only integer is acceptable by '{name}'.") from error
    if number < 0:
        raise bad_request(f"Value '{text}' is invalid for '{name}' which only accepts non-negative integer.")
    return number


def limit_of(call: Call) -> int | None:
    """The page size in a request; None for no limit."""
    return whole_number(call.query["limit"], "limit") if "limit" in call.query else None
