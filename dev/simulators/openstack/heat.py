"""Heat v1: stacks, their events, resources and outputs."""

import re
from collections.abc import Callable
from http import HTTPStatus
from typing import Final
from urllib.parse import parse_qsl, urlencode

from dev.simulators.http import Json, Response
from dev.simulators.openstack import hot, hot_parameters, plans
from dev.simulators.openstack.api import ApiError, Call, Service, json_body, page, webob_error
from dev.simulators.openstack.hot_functions import HotError
from dev.simulators.openstack.resources import TYPES, Catalog
from dev.simulators.openstack.site import Site, new_uuid
from dev.simulators.openstack.state import Event, Resource, Stack
from dev.simulators.openstack.views import instant

EXPLANATIONS: Final = {
    400: "The server could not comply with the request since it is either malformed or otherwise incorrect.",
    403: "Access was denied to this resource.",
    404: "The resource could not be found.",
    409: "There was a conflict when trying to complete your request.",
    500: "The server has either erred or is incapable of performing the requested operation.",
}
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,254}")
_STACK: Final = "/v1/{project_id}/stacks/{name}/{id}"


class Heat(Service):
    """The orchestration service."""

    def admit(self, call: Call) -> None:
        """Refuse a token of another project, and one of none."""
        in_path = call.path.split("/")[2:3]
        if call.token.project_id is None or in_path != [call.token.project_id]:
            raise heat_error(403, "HTTPForbidden", EXPLANATIONS[403])


service = Heat("orchestration")


def heat_error(status: int, type_: str, message: str | None) -> ApiError:
    """An error in Heat's shape; some errors of Heat's own making have no message."""
    error = {"type": type_, "traceback": None} | ({} if message is None else {"message": message})
    title = HTTPStatus(status).phrase
    return ApiError(
        Response(status, {"code": status, "title": title, "explanation": EXPLANATIONS[status], "error": error})
    )


def _bad_request(message: str) -> ApiError:
    return heat_error(400, "HTTPBadRequest", message)


def _refused(error: HotError) -> ApiError:
    return heat_error(400, error.type, error.message)


def _no_such_stack(name: str) -> ApiError:
    return heat_error(404, "EntityNotFound", f"The Stack ({name}) could not be found.")


# Finding stacks


def _own(call: Call) -> list[Stack]:
    """The project's stacks, newest first."""
    own = [stack for stack in call.region.stacks.values() if stack.project_id == call.project_id]
    return list(reversed(own))


def _live_by_name(call: Call, name: str) -> Stack | None:
    return next((stack for stack in _own(call) if stack.name == name and not stack.is_deleted), None)


def _identified(call: Call, *, deleted: bool = True) -> Stack:
    """The stack named by name and id in the path."""
    name = call.arguments["name"]
    stack = call.region.stacks.get(call.arguments["id"])
    if stack is None or stack.name != name or stack.project_id != call.project_id:
        raise _no_such_stack(name)
    if stack.is_deleted and not deleted:
        raise _no_such_stack(name)
    return stack


def _url(call: Call, stack: Stack) -> str:
    return f"{call.service_url}/v1/{stack.project_id}/stacks/{stack.name}/{stack.id}"


def _self_link(call: Call, stack: Stack) -> list[Json]:
    return [{"href": _url(call, stack), "rel": "self"}]


# Versions


@service.route("GET", "", is_open=True)
def list_versions(call: Call) -> Response:
    """The versions of the API."""
    link = {"rel": "self", "href": f"{call.service_url}/v1/"}
    return Response(300, {"versions": [{"id": "v1.0", "status": "CURRENT", "links": [link]}]})


@service.route("GET", "/v1/{project_id}/build_info")
def show_build_info(call: Call) -> Response:
    """Nothing much."""
    return Response(200, {"api": {"revision": "unknown"}, "engine": {"revision": "unknown"}})


@service.route("GET", "/v1/{project_id}/resource_types")
def list_resource_types(call: Call) -> Response:
    """The types that templates may name."""
    return Response(200, {"resource_types": sorted(TYPES)})


# Creating


def _stack_request(call: Call) -> Json:
    try:
        body = json_body(call)
    except ValueError as error:
        raise _bad_request(str(error)) from error
    if not isinstance(body, dict):
        raise _bad_request(EXPLANATIONS[400])
    return body


def _template(body: Json) -> hot.Template:
    source = body.get("template")
    if not source:
        raise _bad_request("No template specified")
    try:
        return hot.parse(source)
    except hot.TemplateFormatError as error:
        raise _bad_request(f"Template not in valid format: {error}") from error
    except HotError as error:
        raise _refused(error) from error


def _whole_number(text: Json, name: str) -> int:
    try:
        number = int(text)
    except (TypeError, ValueError) as error:
        raise _bad_request(f"Only integer is acceptable by '{name}'.") from error
    if number < 0:
        raise _bad_request(f"Value '{text}' is invalid for '{name}' which only accepts non-negative integer.")
    return number


def _tags(body: Json) -> list[str]:
    given = body.get("tags")
    if given is None or given == "":
        return []
    if not isinstance(given, str):
        raise heat_error(400, "AttributeError", None)
    tags = given.split(",")
    for tag in tags:
        if len(tag) > 80:
            raise _bad_request(f'Invalid tag, "{tag}" is longer than 80 characters')
    return tags


def _boolean(value: Json, default: bool) -> bool:
    if value is None:
        return default
    if str(value).lower() not in {"true", "false"}:
        raise heat_error(400, "ValueError", None)
    return str(value).lower() == "true"


def _environment(body: Json) -> Json:
    environment = body.get("environment") or {}
    return hot.read_yaml(environment) if isinstance(environment, str) else environment


def custom_constraint(site: Site) -> hot_parameters.CustomConstraint:
    """Checks values against what the region has, as Heat's custom constraints do."""
    config = site.config

    def known(names: Callable[[str], object], value: Json) -> bool:
        try:
            names(str(value))
        except KeyError:
            return False
        return True

    def keypair(name: str) -> None:
        if all(pair.name != name or pair.user_id != site.user_id for pair in site.region.keypairs):
            raise KeyError(name)

    def volume_type(name: str) -> None:
        if name not in config.volume_types:
            raise KeyError(name)

    rules: dict[str, tuple[Callable[[str], object], str]] = {
        "nova.flavor": (config.flavor, "No Flavor matching {{'name': '{0}'}}. (HTTP 404)"),
        "glance.image": (config.image, "No images matching {{'name': '{0}'}}."),
        "nova.keypair": (keypair, "The Key ({0}) could not be found."),
        "neutron.network": (config.network, "Unable to find network with name or id '{0}'"),
        "cinder.vtype": (volume_type, "The VolumeType ({0}) could not be found."),
    }

    def check(constraint: str, value: Json) -> str | None:
        if constraint not in rules:
            return None
        names, reason = rules[constraint]
        return None if known(names, value) else reason.format(value)

    return check


def _draft(call: Call, body: Json, template: hot.Template, name: str) -> Stack:
    """The stack that a request describes, validated, not yet taken in.

    Raises:
        ApiError: Heat would refuse it.
    """
    environment = _environment(body)
    given = {**(environment.get("parameters") or {}), **(body.get("parameters") or {})}
    check = custom_constraint(call.site)
    try:
        parameters = hot_parameters.values(
            template.parameters, given, environment.get("parameter_defaults") or {}, check
        )
        stack = Stack(
            id=new_uuid(),
            name=name,
            project_id=call.project_id,
            owner=call.cloud.config.user(call.token.user_id).name,
            user_id=call.token.user_id,
            user_project_id=new_uuid().replace("-", ""),
            template=template.raw,
            parameters=parameters,
            given_parameters=given,
            files=body.get("files") or {},
            tags=_tags(body),
            timeout_mins=_timeout(body),
            disable_rollback=_boolean(body.get("disable_rollback"), default=True),
            created_at=call.cloud.clock.now(),
        )
        plans.plan_of(stack).validate(Catalog(), check)
    except HotError as error:
        raise _refused(error) from error
    return stack


def _timeout(body: Json) -> int | None:
    given = body.get("timeout_mins")
    return None if given is None else _whole_number(given, "timeout_mins")


@service.route("POST", "/v1/{project_id}/stacks")
def create_stack(call: Call) -> Response:
    """Begin to make a stack: 201 with its id and links, and nothing more."""
    body = _stack_request(call)
    name = body.get("stack_name")
    if not name:
        raise _bad_request("No stack name specified")
    template = _template(body)
    _timeout(body)
    _tags(body)
    if not _NAME.fullmatch(str(name)):
        raise heat_error(
            400,
            "StackValidationFailed",
            f'Invalid stack name {name} must contain only alphanumeric or "_-." characters, must start with alpha'
            " and must be 255 characters or less.",
        )
    if _live_by_name(call, name):
        raise heat_error(409, "StackExists", f"The Stack ({name}) already exists.")
    _check_limit(call)
    stack = _draft(call, body, template, name)
    credential = call.token.application_credential_id
    if credential and not call.cloud.config.application_credentials_create_stacks:
        raise heat_error(500, "RemoteError", None)
    call.cloud.create_stack(call.region, stack)
    created = {"stack": {"id": stack.id, "links": _self_link(call, stack)}}
    return Response(201, created, {"Location": _url(call, stack)})


def _check_limit(call: Call) -> None:
    limit = call.site.limit("stacks")
    live = sum(not stack.is_deleted for stack in _own(call))
    if 0 <= limit <= live:
        raise heat_error(
            400,
            "RequestLimitExceeded",
            f"Request limit exceeded: You have reached the maximum stacks per tenant, {limit}."
            " Please delete some stacks.",
        )


@service.route("POST", "/v1/{project_id}/stacks/preview")
def preview_stack(call: Call) -> Response:
    """What a create would make."""
    body = _stack_request(call)
    stack = _draft(call, body, _template(body), str(body.get("stack_name")))
    stack.id = "None"
    shown = _full(call, stack) | {"stack_user_project_id": None}
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
    body = _stack_request(call)
    template = _template(body)
    try:
        template.check_sections()
        template.check_types(Catalog())
    except HotError as error:
        raise _bad_request(error.message) from error
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


# Reading


def _brief(call: Call, stack: Stack) -> dict[str, Json]:
    """A stack as lists show it."""
    return {
        "id": stack.id,
        "links": _self_link(call, stack),
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


def _full(call: Call, stack: Stack) -> dict[str, Json]:
    """A stack as it shows itself, with its outputs unless they are not wanted or gone."""
    template = hot.parse(stack.template)
    shown: dict[str, Json] = {
        "stack_name": stack.name,
        "id": stack.id,
        "links": _self_link(call, stack),
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
    """Whether a list's filters let a stack through. Unknown parameters are ignored, as Heat ignores them."""
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


def _limit(call: Call) -> int | None:
    return _whole_number(call.query["limit"], "limit") if "limit" in call.query else None


@service.route("GET", "/v1/{project_id}/stacks")
def list_stacks(call: Call) -> Response:
    """The project's stacks, newest first."""
    limit = _limit(call)
    with_deleted = call.query.get("show_deleted", "false").lower() == "true"
    found = [stack for stack in _own(call) if with_deleted or not stack.is_deleted]
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
    """Send to the canonical address of a stack that was named by its name or its id alone."""
    name = call.arguments["name"]
    stack = _live_by_name(call, name)
    if stack is None:
        # By its id a stack is found even when it has been deleted.
        stack = next((item for item in _own(call) if item.id == name), None)
    if stack is None:
        raise _no_such_stack(name)
    target = _url(call, stack) + call.path.split(f"/stacks/{name}", 1)[1]
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


@service.route("GET", _STACK)
def show_stack(call: Call) -> Response:
    """A stack; a deleted one for as long as it is remembered."""
    if call.arguments["id"] == "outputs":
        raise _no_such_stack(call.arguments["name"])
    return Response(200, {"stack": _full(call, _identified(call))})


@service.route("GET", f"{_STACK}/template")
def show_template(call: Call) -> Response:
    """A stack's template as an object."""
    return Response(200, _identified(call).template)


@service.route("GET", f"{_STACK}/environment")
def show_environment(call: Call) -> Response:
    """What a stack was made with beside its template."""
    stack = _identified(call)
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


@service.route("GET", f"{_STACK}/files")
def show_files(call: Call) -> Response:
    """The files that came with a stack's template."""
    return Response(200, _identified(call).files)


@service.route("GET", f"{_STACK}/outputs")
def list_outputs(call: Call) -> Response:
    """A stack's outputs without their values."""
    return Response(200, {"outputs": plans.output_descriptions(_identified(call, deleted=False))})


@service.route("GET", f"{_STACK}/outputs/{{key}}")
def show_output(call: Call) -> Response:
    """One output with its value."""
    stack, key = _identified(call, deleted=False), call.arguments["key"]
    found = next((item for item in plans.outputs(call.site, stack) if item["output_key"] == key), None)
    if found is None:
        raise heat_error(404, "NotFound", f"Specified output key {key} not found.")
    return Response(200, {"output": found})


# Resources


def _resource(call: Call, stack: Stack, item: Resource) -> dict[str, Json]:
    url = _url(call, stack)
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


@service.route("GET", f"{_STACK}/resources")
def list_resources(call: Call) -> Response:
    """A stack's resources."""
    stack = _identified(call)
    show = _resource_in_detail if call.query.get("with_detail", "").lower() == "true" else _resource
    return Response(200, {"resources": [show(call, stack, item) for item in stack.resources.values()]})


@service.route("GET", f"{_STACK}/resources/{{resource}}")
def show_resource(call: Call) -> Response:
    """One resource with its attributes."""
    stack = _identified(call)
    return Response(200, {"resource": _resource_in_detail(call, stack, _find_resource(call, stack))})


@service.route("GET", f"{_STACK}/resources/{{resource}}/metadata")
def show_resource_metadata(call: Call) -> Response:
    """A resource's metadata: none."""
    _find_resource(call, _identified(call))
    return Response(200, {"metadata": {}})


# Events


def _event(call: Call, stack: Stack, event: Event, *, nested: bool = False) -> dict[str, Json]:
    url = _url(call, stack)
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
    """A page of events: newest first unless asked otherwise, and no link to the next page."""
    limit = _limit(call)
    chosen = [event for event in events if _wanted(event, call.query)]
    if call.query.get("sort_dir", "desc") != "asc":
        chosen.reverse()
    nested = "nested_depth" in call.query
    shown = [_event(call, stack, event, nested=nested) for event in chosen]
    return Response(200, {"events": page(shown, call.query.get("marker"), limit)})


@service.route("GET", f"{_STACK}/events")
def list_events(call: Call) -> Response:
    """A stack's events."""
    stack = _identified(call)
    return _events(call, stack, stack.events)


@service.route("GET", f"{_STACK}/resources/{{resource}}/events")
def list_resource_events(call: Call) -> Response:
    """The events of one resource."""
    stack = _identified(call)
    name = call.arguments["resource"]
    return _events(call, stack, [event for event in stack.events if event.resource_name == name])


@service.route("GET", f"{_STACK}/resources/{{resource}}/events/{{event}}")
def show_event(call: Call) -> Response:
    """One event with its resource's properties."""
    stack = _identified(call)
    found = next((event for event in stack.events if event.id == call.arguments["event"]), None)
    if found is None:
        raise heat_error(404, "HTTPNotFound", f"No event {call.arguments['event']} found")
    extra = {"resource_type": found.resource_type, "resource_properties": found.properties}
    return Response(200, {"event": _event(call, stack, found) | extra})


# Changing


def _accepted() -> Response:
    return webob_error(202, "Accepted", "The request is accepted for processing.")


def _apply_update(call: Call, stack: Stack, body: Json, template: hot.Template, given: dict[str, Json]) -> None:
    merged = {**body, "parameters": given, "timeout_mins": body.get("timeout_mins", stack.timeout_mins)}
    draft = _draft(call, merged, template, stack.name)
    changed = _changed(stack, draft)
    stack.template, stack.parameters, stack.given_parameters = draft.template, draft.parameters, given
    stack.tags = draft.tags
    call.cloud.update_stack(call.region, stack, changed)


def _changed(old: Stack, new: Stack) -> list[str]:
    """The resources whose definitions differ, or whose parameters do."""
    before, after = hot.parse(old.template).resources, hot.parse(new.template).resources
    same = old.parameters == new.parameters
    return [name for name in after if name in old.resources and not (same and before.get(name) == after[name])]


@service.route("PUT", _STACK)
def update_stack(call: Call) -> Response:
    """Begin an update with a whole new definition; tags that are not given are gone."""
    stack, body = _identified(call, deleted=False), _stack_request(call)
    _apply_update(call, stack, body, _template(body), body.get("parameters") or {})
    return _accepted()


@service.route("PATCH", _STACK)
def patch_stack(call: Call) -> Response:
    """Begin an update of what is given; the rest stays, except the tags."""
    stack, body = _identified(call, deleted=False), _stack_request(call)
    template = _template(body) if "template" in body else hot.parse(stack.template)
    _apply_update(call, stack, body, template, stack.given_parameters | (body.get("parameters") or {}))
    return _accepted()


_ACTIONS: Final = {
    "check": "CHECK",
    "suspend": "SUSPEND",
    "resume": "RESUME",
    "cancel_without_rollback": "CANCEL",
    "cancel_update": "CANCEL",
}


@service.route("POST", f"{_STACK}/actions")
def act_on_stack(call: Call) -> Response:
    """Check, suspend, resume, or cancel."""
    stack, body = _identified(call, deleted=False), _stack_request(call)
    if len(body) != 1:
        raise _bad_request("Only one action can be specified" if body else "No action specified")
    (action,) = body
    if action not in _ACTIONS:
        raise _bad_request(f"Invalid action {action} specified")
    call.cloud.act_on_stack(call.region, stack, _ACTIONS[action])
    return Response(200, "null", {"Content-Type": "application/json"})


@service.route("DELETE", _STACK)
def delete_stack(call: Call) -> Response:
    """Begin to delete a stack: 204 at once, also while it is being deleted; 404 when it is gone."""
    call.cloud.delete_stack(call.region, _identified(call, deleted=False))
    return Response(204)


@service.route("DELETE", f"{_STACK}/abandon")
def abandon_stack(call: Call) -> Response:
    """Never allowed: Heat's default configuration forbids it."""
    _identified(call, deleted=False)
    raise heat_error(400, "NotSupported", "Stack Abandon is not supported.")
