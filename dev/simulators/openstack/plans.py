"""Evaluates a stack's template with its parameters and resources."""

from dataclasses import dataclass

from dev.simulators.http import Json
from dev.simulators.openstack import hot
from dev.simulators.openstack.hot_functions import HotError, references, resolve
from dev.simulators.openstack.resources import TYPES
from dev.simulators.openstack.site import Site
from dev.simulators.openstack.state import Resource, Stack


def plan_of(stack: Stack) -> hot.Plan:
    """A stack's template with its parameters."""
    template = hot.parse(stack.template)
    return hot.Plan(
        template, hot.ParameterScope(template, pseudo_parameters(stack) | stack.parameters, stack.files)
    )


def pseudo_parameters(stack: Stack) -> dict[str, Json]:
    """The parameters that every template has."""
    return {"OS::stack_id": stack.id, "OS::project_id": stack.project_id, "OS::stack_name": stack.name}


@dataclass(frozen=True)
class StackScope(hot.ParameterScope):
    """A scope that knows the resources that were created.

    While a stack is being created, resources in progress are not known: Heat returns their names as ids, and null
    for attributes. So outputs are not reliable before a stack is complete.
    """

    site: Site | None = None
    stack: Stack | None = None

    def reference(self, resource: str) -> Json:
        """The physical id."""
        made = self._made(resource)
        return resource if made is None else made.physical_id or None

    def attribute(self, resource: str, attribute: str) -> Json:
        """The attribute's value."""
        made = self._made(resource)
        if made is None or self.site is None:
            return None
        return TYPES[made.type].attribute(self.site, made, attribute)

    def _made(self, name: str) -> Resource | None:
        found = self.stack.resources.get(name) if self.stack else None
        if found is None or self.stack is None or found.action == "INIT":
            return None
        is_unknown = found.action == "CREATE" and found.status == self.stack.status == "IN_PROGRESS"
        return None if is_unknown else found


def stack_scope(site: Site, stack: Stack) -> StackScope:
    """The scope of a stack as it is now."""
    known = plan_of(stack).scope
    return StackScope(known.template, known.parameters, known.files, site, stack)


def resource_properties(site: Site, stack: Stack, name: str) -> dict[str, Json]:
    """The properties of one resource, evaluated now."""
    definition = hot.parse(stack.template).resources[name]
    return dict(resolve(definition.get("properties") or {}, stack_scope(site, stack)))


def outputs(site: Site, stack: Stack) -> list[dict[str, Json]]:
    """A stack's outputs as `GET /stacks/{name}/{id}` shows them."""
    scope = stack_scope(site, stack)
    return [_output(scope, stack, key, definition) for key, definition in plan_of(stack).outputs.items()]


def output_descriptions(stack: Stack) -> list[dict[str, Json]]:
    """A stack's outputs without their values."""
    return [
        {"output_key": key, "description": definition.get("description", "No description given")}
        for key, definition in plan_of(stack).outputs.items()
    ]


def _output(scope: StackScope, stack: Stack, key: str, definition: dict[str, Json]) -> dict[str, Json]:
    shown = {"output_key": key, "description": definition.get("description", "No description given")}
    if stack.action in {"DELETE", "ROLLBACK"}:
        # Heat deletes by updating to an empty template, in which nothing that outputs refer to exists.
        referred = next((name for name, *_ in references(definition.get("value"), scope)), None)
        if referred is not None:
            error = f'The specified reference "{referred}" (in unknown) is incorrect.'
            return {**shown, "output_error": error, "output_value": None}
    try:
        return {**shown, "output_value": resolve(definition.get("value"), scope)}
    except HotError as error:
        return {**shown, "output_error": error.message, "output_value": None}
