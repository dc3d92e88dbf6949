"""Parses requests to Heat, and refuses those that Heat would refuse."""

from collections.abc import Callable

from dev.simulators.http import Json
from dev.simulators.openstack import hot, hot_parameters, plans
from dev.simulators.openstack.api import Call, json_body
from dev.simulators.openstack.heat.common import EXPLANATIONS, bad_request, heat_error, refused, whole_number
from dev.simulators.openstack.hot_functions import HotError
from dev.simulators.openstack.resources import Catalog
from dev.simulators.openstack.site import Site, new_uuid
from dev.simulators.openstack.state import Stack


def stack_request(call: Call) -> Json:
    """The request's body; raises ApiError if it is not an object."""
    try:
        body = json_body(call)
    except ValueError as error:
        raise bad_request(str(error)) from error
    if not isinstance(body, dict):
        raise bad_request(EXPLANATIONS[400])
    return body


def template_of(body: Json) -> hot.Template:
    """The request's template; raises ApiError if there is none."""
    source = body.get("template")
    if not source:
        raise bad_request("No template specified")
    try:
        return hot.parse(source)
    except hot.TemplateFormatError as error:
        raise bad_request(f"Template not in valid format: {error}") from error
    except HotError as error:
        raise refused(error) from error


def tags_of(body: Json) -> list[str]:
    """The request's tags; raises ApiError if they are malformed."""
    given = body.get("tags")
    if given is None or given == "":
        return []
    if not isinstance(given, str):
        raise heat_error(400, "AttributeError", None)
    tags = given.split(",")
    for tag in tags:
        if len(tag) > 80:
            raise bad_request(f'Invalid tag, "{tag}" is longer than 80 characters')
    return tags


def _boolean(value: Json, default: bool) -> bool:
    if value is None:
        return default
    if str(value).lower() not in {"true", "false"}:
        raise heat_error(400, "ValueError", None)
    return str(value).lower() == "true"


def _environment(body: Json) -> Json:
    environment = body.get("environment") or {}
    try:
        return hot.read_yaml(environment) if isinstance(environment, str) else environment
    except hot.TemplateFormatError as error:
        raise bad_request(f"Environment not in valid format: {error}") from error


def custom_constraint(site: Site) -> hot_parameters.CustomConstraint:
    """Checks values against the region's contents, as Heat's custom constraints do."""
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


def draft_of(call: Call, body: Json, template: hot.Template, name: str) -> Stack:
    """The stack that a request describes, validated, but not stored yet.

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
            tags=tags_of(body),
            timeout_mins=timeout_of(body),
            disable_rollback=_boolean(body.get("disable_rollback"), default=True),
            created_at=call.cloud.clock.now(),
        )
        plans.plan_of(stack).validate(Catalog(), check)
    except HotError as error:
        raise refused(error) from error
    return stack


def timeout_of(body: Json) -> int | None:
    """The request's time-out in minutes; None if it has none."""
    given = body.get("timeout_mins")
    return None if given is None else whole_number(given, "timeout_mins")
