"""Heat's answers about stacks, their outputs, resources and events."""

from typing import Final
from urllib.parse import parse_qsl, urlencode

from dev.simulators.http import Json, Response
from dev.simulators.openstack import hot, hot_parameters, plans
from dev.simulators.openstack.api import Call, page
from dev.simulators.openstack.heat.common import (
    STACK,
    heat_error,
    identified,
    limit_of,
    live_by_name,
    no_such_stack,
    own_stacks,
    self_link,
    service,
    stack_url,
)
from dev.simulators.openstack.resources import TYPES
from dev.simulators.openstack.state import Event, Resource, Stack
from dev.simulators.openstack.views import instant


@service.route("GET", "", is_open=True)
def list_versions(call: Call) -> Response:
    """The versions of the API."""
    link = {"rel": "self", "href": f"{call.service_url}/v1/"}
    return Response(300, {"versions": [{"id": "v1.0", "status": "CURRENT", "links": [link]}]})


@service.route("GET", "/v1/{project_id}/build_info")
def show_build_info(call: Call) -> Response:
    """Build information; nearly empty."""
    return Response(200, {"api": {"revision": "unknown"}, "engine": {"revision": "unknown"}})


@service.route("GET", "/v1/{project_id}/resource_types")
def list_resource_types(call: Call) -> Response:
    """The resource types that templates may use."""
    return Response(200, {"resource_types": sorted(TYPES)})


# Reading


def _brief(call: Call, stack: Stack) -> dict[str, Json]:
    """A stack in lists."""
    return {
        "id": stack.id,
        "links": self_link(call, stack),
        "stack_name": stack.name,
        "description": "",
        "stack_status": stack.full_status,
        "stack_status_reason": stack.reason,
        "creation_time": instant(stack.created_at),
        "updated_time": instant(stack.updated_at),
        "deletion_time": instant(stack.deleted_at),
        "stack_owner": stack.owner,
        "parent": None,
        "stack_user_project_id": stack.user_project_id,
        "tags": None if stack.is_deleted or not stack.tags else stack.tags,
    }


def full_stack(call: Call, stack: Stack) -> dict[str, Json]:
    """A stack in full; its outputs are left out if not wanted, or if the stack is deleted."""
    template = hot.parse(stack.template)
    shown: dict[str, Json] = {
        "stack_name": stack.name,
        "id": stack.id,
        "links": self_link(call, stack),
        "creation_time": instant(stack.created_at),
        "updated_time": instant(stack.updated_at),
        "deletion_time": instant(stack.deleted_at),
        "notification_topics": [],
        "parameters": plans.pseudo_parameters(stack) | hot_parameters.shown(template.parameters, stack.parameters),
        "description": template.description,
        "template_description": template.description,
        "capabilities": [],
        "disable_rollback": stack.disable_rollback,
        "timeout_mins": stack.timeout_mins,
        "stack_owner": stack.owner,
        "parent": None,
        "stack_user_project_id": stack.user_project_id,
        "tags": [] if stack.is_deleted else stack.tags,
        "stack_status": stack.full_status,
        "stack_status_reason": stack.reason,
    }
    if call.query.get("resolve_outputs", "true").lower() != "false" and not stack.is_deleted:
        shown["outputs"] = plans.outputs(call.site, stack)
    return shown


def _matches(stack: Stack, query: dict[str, str]) -> bool:
    """Whether a stack matches the filters of a list. Unknown parameters are ignored, as in Heat."""
    tags = set(stack.tags)
    wanted = {key: set(text.split(",")) for key, text in query.items() if "tags" in key}
    return (
        ("name" not in query or query["name"].lower() == stack.name.lower())
        and ("id" not in query or query["id"] == stack.id)
        and ("status" not in query or query["status"] in {stack.status, stack.full_status})
        and ("action" not in query or query["action"] == stack.action)
        and wanted.get("tags", set()) <= tags
        and ("tags_any" not in wanted or bool(wanted["tags_any"] & tags))
        and not ("not_tags" in wanted and wanted["not_tags"] <= tags)
        and not (wanted.get("not_tags_any", set()) & tags)
    )


_SORT_KEYS: Final = {
    "stack_name": "stack_name",
    "stack_status": "stack_status",
    "creation_time": "creation_time",
    "created_at": "creation_time",
    "updated_time": "updated_time",
    "updated_at": "updated_time",
}


@service.route("GET", "/v1/{project_id}/stacks")
def list_stacks(call: Call) -> Response:
    """The project's stacks, newest first."""
    limit = limit_of(call)
    with_deleted = call.query.get("show_deleted", "false").lower() == "true"
    found = [stack for stack in own_stacks(call) if with_deleted or not stack.is_deleted]
    shown = [_brief(call, stack) for stack in found if _matches(stack, call.query)]
    for key in reversed(call.query.get("sort_keys", "").split(",")):
        if key in _SORT_KEYS:
            descending = call.query.get("sort_dir", "asc") == "desc"
            shown.sort(key=lambda item: str(item[_SORT_KEYS[key]] or ""), reverse=descending)
    part = page(shown, call.query.get("marker"), limit)
    body: dict[str, Json] = {"stacks": part}
    if limit and len(part) == limit:
        body["links"] = [{"rel": "next", "href": _next_link(call, part[-1]["id"])}]
    if call.query.get("with_count", "false").lower() == "true":
        body["count"] = len(shown)
    return Response(200, body)


def _next_link(call: Call, marker: str) -> str:
    query = [(key, value) for key, value in parse_qsl(call.request.query_string) if key != "marker"]
    return f"{call.service_url}{call.path}?{urlencode([*query, ('marker', marker)])}"


def _redirect(call: Call) -> Response:
    """Redirect from a stack's name or id alone to its canonical URL."""
    name = call.arguments["name"]
    stack = live_by_name(call, name)
    if stack is None:
        # A deleted stack, too, is found by its id.
        stack = next((item for item in own_stacks(call) if item.id == name), None)
    if stack is None:
        raise no_such_stack(name)
    target = stack_url(call, stack) + call.path.split(f"/stacks/{name}", 1)[1]
    message = (
        f'The resource was found at <a href="{target}">{target}</a>;\nyou should be redirected automatically.\n\n'
    )
    return Response(302, {"message": message, "code": "302 Found", "title": "Found"}, {"Location": target})


for _method in ("GET", "PUT", "PATCH", "POST", "DELETE"):
    service.route(_method, "/v1/{project_id}/stacks/{name}")(_redirect)
for _part in ("events", "resources", "template", "actions"):
    service.route("POST" if _part == "actions" else "GET", f"/v1/{{project_id}}/stacks/{{name}}/{_part}")(
        _redirect
    )


@service.route("GET", STACK)
def show_stack(call: Call) -> Response:
    """A stack; a deleted one as long as it is remembered."""
    if call.arguments["id"] == "outputs":
        raise no_such_stack(call.arguments["name"])
    return Response(200, {"stack": full_stack(call, identified(call))})


@service.route("GET", f"{STACK}/template")
def show_template(call: Call) -> Response:
    """A stack's template as an object."""
    return Response(200, identified(call).template)


@service.route("GET", f"{STACK}/environment")
def show_environment(call: Call) -> Response:
    """A stack's environment: its parameters and other input besides the template."""
    stack = identified(call)
    return Response(
        200,
        {
            "resource_registry": {"resources": {}},
            "parameters": stack.given_parameters,
            "parameter_defaults": {},
            "event_sinks": [],
            "encrypted_param_names": [],
        },
    )


@service.route("GET", f"{STACK}/files")
def show_files(call: Call) -> Response:
    """The files that came with a stack's template."""
    return Response(200, identified(call).files)


@service.route("GET", f"{STACK}/outputs")
def list_outputs(call: Call) -> Response:
    """A stack's outputs without their values."""
    return Response(200, {"outputs": plans.output_descriptions(identified(call, deleted=False))})


@service.route("GET", f"{STACK}/outputs/{{key}}")
def show_output(call: Call) -> Response:
    """One output with its value."""
    stack, key = identified(call, deleted=False), call.arguments["key"]
    found = next((item for item in plans.outputs(call.site, stack) if item["output_key"] == key), None)
    if found is None:
        raise heat_error(404, "NotFound", f"Specified output key {key} not found.")
    return Response(200, {"output": found})


# Resources


def _resource(call: Call, stack: Stack, item: Resource) -> dict[str, Json]:
    url = stack_url(call, stack)
    required_by = [other.name for other in stack.resources.values() if item.name in other.requires]
    return {
        "updated_time": instant(item.updated_at),
        "creation_time": instant(item.created_at),
        "logical_resource_id": item.name,
        "resource_name": item.name,
        "physical_resource_id": item.physical_id,
        "resource_status": f"{item.action}_{item.status}",
        "resource_status_reason": item.reason,
        "resource_type": item.type,
        "links": [{"href": f"{url}/resources/{item.name}", "rel": "self"}, {"href": url, "rel": "stack"}],
        "required_by": required_by,
    }


def _resource_in_detail(call: Call, stack: Stack, item: Resource) -> dict[str, Json]:
    attributes = TYPES[item.type].body(call.site, item)
    return _resource(call, stack, item) | {"description": "", "attributes": attributes}


def _find_resource(call: Call, stack: Stack) -> Resource:
    name = call.arguments["resource"]
    if name not in stack.resources:
        message = f"The Resource ({name}) could not be found in Stack {stack.name}."
        raise heat_error(404, "ResourceNotFound", message)
    return stack.resources[name]


@service.route("GET", f"{STACK}/resources")
def list_resources(call: Call) -> Response:
    """A stack's resources."""
    stack = identified(call)
    show = _resource_in_detail if call.query.get("with_detail", "").lower() == "true" else _resource
    return Response(200, {"resources": [show(call, stack, item) for item in stack.resources.values()]})


@service.route("GET", f"{STACK}/resources/{{resource}}")
def show_resource(call: Call) -> Response:
    """One resource with its attributes."""
    stack = identified(call)
    return Response(200, {"resource": _resource_in_detail(call, stack, _find_resource(call, stack))})


@service.route("GET", f"{STACK}/resources/{{resource}}/metadata")
def show_resource_metadata(call: Call) -> Response:
    """A resource's metadata, which is always empty."""
    _find_resource(call, identified(call))
    return Response(200, {"metadata": {}})


# Events


def _event(call: Call, stack: Stack, event: Event, *, nested: bool = False) -> dict[str, Json]:
    url = stack_url(call, stack)
    resource_url = f"{url}/resources/{event.resource_name}"
    links = [
        {"href": f"{resource_url}/events/{event.id}", "rel": "self"},
        {"href": resource_url, "rel": "resource"},
        {"href": url, "rel": "stack"},
    ]
    return {
        "id": event.id,
        "links": [*links, {"href": url, "rel": "root_stack"}] if nested else links,
        "event_time": instant(event.time),
        "logical_resource_id": event.resource_name,
        "resource_name": event.resource_name,
        "physical_resource_id": event.physical_id,
        "resource_status": event.status,
        "resource_status_reason": event.reason,
    }


def _wanted(event: Event, query: dict[str, str]) -> bool:
    action, status = event.status.split("_", 1)
    return (
        query.get("resource_status", status) == status
        and query.get("resource_action", action) == action
        and query.get("resource_name", event.resource_name) == event.resource_name
        and query.get("resource_type", event.resource_type) == event.resource_type
    )


def _events(call: Call, stack: Stack, events: list[Event]) -> Response:
    """A page of events, by default newest first; without a link to the next page."""
    limit = limit_of(call)
    chosen = [event for event in events if _wanted(event, call.query)]
    if call.query.get("sort_dir", "desc") != "asc":
        chosen.reverse()
    nested = "nested_depth" in call.query
    shown = [_event(call, stack, event, nested=nested) for event in chosen]
    return Response(200, {"events": page(shown, call.query.get("marker"), limit)})


@service.route("GET", f"{STACK}/events")
def list_events(call: Call) -> Response:
    """A stack's events."""
    stack = identified(call)
    return _events(call, stack, stack.events)


@service.route("GET", f"{STACK}/resources/{{resource}}/events")
def list_resource_events(call: Call) -> Response:
    """The events of one resource."""
    stack = identified(call)
    name = call.arguments["resource"]
    return _events(call, stack, [event for event in stack.events if event.resource_name == name])


@service.route("GET", f"{STACK}/resources/{{resource}}/events/{{event}}")
def show_event(call: Call) -> Response:
    """One event with its resource's properties."""
    stack = identified(call)
    found = next((event for event in stack.events if event.id == call.arguments["event"]), None)
    if found is None:
        raise heat_error(404, "HTTPNotFound", f"No event {call.arguments['event']} found")
    extra = {"resource_type": found.resource_type, "resource_properties": found.properties}
    return Response(200, {"event": _event(call, stack, found) | extra})
