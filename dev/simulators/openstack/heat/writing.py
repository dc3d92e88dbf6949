"""Heat's calls that create, change and delete stacks."""

from typing import Final

from dev.simulators.http import Json, Response
from dev.simulators.openstack import hot, hot_parameters, plans
from dev.simulators.openstack.api import Call, webob_error
from dev.simulators.openstack.heat.common import (
    STACK,
    STACK_NAME,
    bad_request,
    heat_error,
    identified,
    live_by_name,
    own_stacks,
    self_link,
    service,
    stack_url,
)
from dev.simulators.openstack.heat.reading import full_stack
from dev.simulators.openstack.heat.requests import draft_of, stack_request, tags_of, template_of, timeout_of
from dev.simulators.openstack.hot_functions import HotError
from dev.simulators.openstack.resources import Catalog
from dev.simulators.openstack.state import Stack


@service.route("POST", "/v1/{project_id}/stacks")
def create_stack(call: Call) -> Response:
    """Start to create a stack: 201 with its id and links only."""
    body = stack_request(call)
    name = body.get("stack_name")
    if not name:
        raise bad_request("No stack name specified")
    template = template_of(body)
    timeout_of(body)
    tags_of(body)
    if not STACK_NAME.fullmatch(str(name)):
        raise heat_error(
            400,
            "StackValidationFailed",
            f'Invalid stack name {name} must contain only alphanumeric or "_-." characters, must start with alpha'
            " and must be 255 characters or less.",
        )
    if live_by_name(call, name):
        raise heat_error(409, "StackExists", f"The Stack ({name}) already exists.")
    _check_limit(call)
    stack = draft_of(call, body, template, name)
    credential = call.token.application_credential_id
    if credential and not call.cloud.config.application_credentials_create_stacks:
        raise heat_error(500, "RemoteError", None)
    call.cloud.create_stack(call.region, stack)
    created = {"stack": {"id": stack.id, "links": self_link(call, stack)}}
    return Response(201, created, {"Location": stack_url(call, stack)})


def _check_limit(call: Call) -> None:
    limit = call.site.limit("stacks")
    live = sum(not stack.is_deleted for stack in own_stacks(call))
    if 0 <= limit <= live:
        raise heat_error(
            400,
            "RequestLimitExceeded",
            f"Request limit exceeded: You have reached the maximum stacks per tenant, {limit}."
            " Please delete some stacks.",
        )


@service.route("POST", "/v1/{project_id}/stacks/preview")
def preview_stack(call: Call) -> Response:
    """What a create would produce."""
    body = stack_request(call)
    stack = draft_of(call, body, template_of(body), str(body.get("stack_name")))
    stack.id = "None"
    shown = full_stack(call, stack) | {"stack_user_project_id": None}
    del shown["stack_status"], shown["stack_status_reason"]
    planned = plans.plan_of(stack)
    shown["resources"] = [
        {
            "resource_name": name,
            "resource_type": definition["type"],
            "resource_action": "INIT",
            "resource_status": "COMPLETE",
            "physical_resource_id": "",
            "required_by": planned.required_by(name),
        }
        for name, definition in planned.resources.items()
    ]
    return Response(200, {"stack": shown})


@service.route("POST", "/v1/{project_id}/validate")
def validate_template(call: Call) -> Response:
    """Check a template without parameters."""
    body = stack_request(call)
    template = template_of(body)
    try:
        template.check_sections()
        template.check_types(Catalog())
    except HotError as error:
        raise bad_request(error.message) from error
    registry = {
        "resource_registry": {"resources": {}},
        "parameters": {},
        "parameter_defaults": {},
        "event_sinks": [],
    }
    return Response(
        200,
        {
            "Description": template.description,
            "Parameters": hot_parameters.summary(template.parameters),
            "Environment": registry,
        },
    )


def _accepted() -> Response:
    return webob_error(202, "Accepted", "The request is accepted for processing.")


def _apply_update(call: Call, stack: Stack, body: Json, template: hot.Template, given: dict[str, Json]) -> None:
    merged = {**body, "parameters": given, "timeout_mins": body.get("timeout_mins", stack.timeout_mins)}
    draft = draft_of(call, merged, template, stack.name)
    changed = _changed(stack, draft)
    stack.template, stack.parameters, stack.given_parameters = draft.template, draft.parameters, given
    stack.tags = draft.tags
    call.cloud.update_stack(call.region, stack, changed)


def _changed(old: Stack, new: Stack) -> list[str]:
    """The resources with a different definition or different parameters."""
    before, after = hot.parse(old.template).resources, hot.parse(new.template).resources
    same = old.parameters == new.parameters
    return [name for name in after if name in old.resources and not (same and before.get(name) == after[name])]


@service.route("PUT", STACK)
def update_stack(call: Call) -> Response:
    """Start an update with a complete new definition; tags that are not given are removed."""
    stack, body = identified(call, deleted=False), stack_request(call)
    _apply_update(call, stack, body, template_of(body), body.get("parameters") or {})
    return _accepted()


@service.route("PATCH", STACK)
def patch_stack(call: Call) -> Response:
    """Start an update of the given parts; the rest stays, except the tags."""
    stack, body = identified(call, deleted=False), stack_request(call)
    template = template_of(body) if "template" in body else hot.parse(stack.template)
    _apply_update(call, stack, body, template, stack.given_parameters | (body.get("parameters") or {}))
    return _accepted()


_ACTIONS: Final = {
    "check": "CHECK",
    "suspend": "SUSPEND",
    "resume": "RESUME",
    "cancel_without_rollback": "CANCEL",
    "cancel_update": "CANCEL",
}


@service.route("POST", f"{STACK}/actions")
def act_on_stack(call: Call) -> Response:
    """Check, suspend, resume, or cancel."""
    stack, body = identified(call, deleted=False), stack_request(call)
    if len(body) != 1:
        raise bad_request("Only one action can be specified" if body else "No action specified")
    (action,) = body
    if action not in _ACTIONS:
        raise bad_request(f"Invalid action {action} specified")
    call.cloud.act_on_stack(call.region, stack, _ACTIONS[action])
    return Response(200, "null", {"Content-Type": "application/json"})


@service.route("DELETE", STACK)
def delete_stack(call: Call) -> Response:
    """Start to delete a stack: 204 at once, also while it is being deleted; 404 when it is gone."""
    call.cloud.delete_stack(call.region, identified(call, deleted=False))
    return Response(204)


@service.route("DELETE", f"{STACK}/abandon")
def abandon_stack(call: Call) -> Response:
    """Never allowed: Heat's default configuration forbids it."""
    identified(call, deleted=False)
    raise heat_error(400, "NotSupported", "Stack Abandon is not supported.")
