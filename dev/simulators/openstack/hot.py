"""HOT templates: parsing, validation, dependencies, with Heat's own error texts.

Sources of the rules: the HOT specification of OpenStack Heat, version 2021-04-16, and recorded answers.
"""

import graphlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any, Final, Protocol

import yaml

from dev.simulators.http import Json
from dev.simulators.openstack import hot_parameters
from dev.simulators.openstack.hot_functions import (
    REMOVED,
    HotError,
    Scope,
    function_of,
    references,
    resolve,
    truth,
)

VERSIONS: Final = (
    "2013-05-23", "2014-10-16", "2015-04-30", "2015-10-15", "2016-04-08", "2016-10-14", "2017-02-24", "2017-09-01",
    "2018-03-02", "2018-08-31", "2021-04-16", "newton", "ocata", "pike", "queens", "rocky", "wallaby",
)  # fmt: skip
SECTIONS: Final = frozenset(
    {
        "heat_template_version",
        "description",
        "parameter_groups",
        "parameters",
        "resources",
        "outputs",
        "conditions",
    }
)


class TemplateFormatError(Exception):
    """The text is not a template: Heat's API refuses it before its engine sees it."""


@dataclass(frozen=True)
class Property:
    """The rules of a resource type for one of its properties."""

    kind: str = "any"
    required: bool = False
    minimum: int | None = None
    custom_constraint: str | None = None


class TypeCatalog(Protocol):
    """The resource types that templates may use."""

    def properties(self, type_name: str) -> Mapping[str, Property]:
        """The properties of a type; KeyError if there is no such type."""

    def problem(self, type_name: str, name: str, properties: Mapping[str, Json]) -> str | None:
        """What is wrong with a resource besides its properties' schema; None if nothing is."""

    def attributes(self, type_name: str) -> frozenset[str]:
        """The attributes of a type; KeyError if there is no such type."""


class _Loader(yaml.SafeLoader):
    """Reads YAML like Heat: dates stay text, so that `2021-04-16` is a version and not a day."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


@lru_cache(maxsize=64)
def _load(text: str) -> Json:
    try:
        return yaml.load(text, _Loader)
    except yaml.YAMLError as error:
        raise TemplateFormatError(f"Error parsing template [root stack] {error}") from error


def read_yaml(text: str) -> Json:
    """Read YAML like Heat: dates stay text. The result must not be changed.

    Raises:
        TemplateFormatError: the text is not YAML.
    """
    return _load(text)


def parse(source: str | Mapping[str, Json]) -> "Template":
    """The template in a text or an object. Its content must not be changed.

    Raises:
        TemplateFormatError: it is not YAML, not a mapping, or has no version.
        HotError: Heat does not know its version.
    """
    raw = _load(source) if isinstance(source, str) else dict(source)
    if not isinstance(raw, dict):
        raise TemplateFormatError("The template is not a JSON object or YAML mapping.")
    if "heat_template_version" not in raw:
        raise TemplateFormatError("Template format version not found.")
    version = str(raw["heat_template_version"])
    if version not in VERSIONS:
        raise HotError(
            f'The template version is invalid: "heat_template_version: {version}". '
            f'"heat_template_version" should be one of: {", ".join(VERSIONS)}',
            "InvalidTemplateVersion",
        )
    return Template(raw)


@dataclass(frozen=True)
class Template:
    """A parsed template."""

    raw: dict[str, Json]

    @property
    def description(self) -> str:
        """The description; Heat's default text if there is none."""
        return str(self.raw.get("description") or "No description")

    @property
    def parameters(self) -> dict[str, Json]:
        """The schemas of the parameters."""
        return self._section("parameters")

    @property
    def conditions(self) -> dict[str, Json]:
        """The named conditions."""
        return self._section("conditions")

    @property
    def resources(self) -> dict[str, Json]:
        """The resource definitions, including those whose condition is false."""
        return self._section("resources")

    @property
    def outputs(self) -> dict[str, Json]:
        """The output definitions, including those whose condition is false."""
        return self._section("outputs")

    def _section(self, name: str) -> dict[str, Json]:
        section = self.raw.get(name) or {}
        if not isinstance(section, dict):
            raise HotError(f"'{type(section).__name__}' object has no attribute 'items'")
        return section

    def check_types(self, types: TypeCatalog) -> None:
        """Refuse resources without a type, or of an unknown type."""
        for definition in self.resources.values():
            if not isinstance(definition, dict) or "type" not in definition:
                raise HotError("Each resource must contain a type key.")
            _known_type(types, definition["type"])

    def check_sections(self) -> None:
        """Refuse sections that HOT does not have."""
        for name in self.raw:
            if name not in SECTIONS:
                raise HotError(f"The template section is invalid: {name}")


@dataclass(frozen=True)
class ParameterScope:
    """A scope that knows only the parameters: enough for conditions and validation."""

    template: Template
    parameters: Mapping[str, Json]
    files: Mapping[str, str] = field(default_factory=dict)

    def parameter(self, name: str) -> Json:
        """The value of a parameter or pseudo parameter."""
        if name not in self.parameters:
            raise HotError(f"The Parameter ({name}) was not provided.")
        return self.parameters[name]

    def reference(self, resource: str) -> Json:
        """The resource's name, which Heat returns for a resource that does not exist yet."""
        return resource

    def attribute(self, resource: str, attribute: str) -> Json:
        """None: attributes are not known before the resource exists."""
        return None

    def condition(self, name: str) -> bool:
        """The value of a named condition."""
        if name not in self.template.conditions:
            raise HotError(f'Invalid condition "{name}"')
        return truth(self.template.conditions[name], self)

    def file(self, name: str) -> str:
        """The content of a file that came with the template."""
        if name not in self.files:
            raise HotError(f'No content found in the "files" section for get_file path: {name}')
        return self.files[name]


@dataclass(frozen=True)
class Plan:
    """A template with its parameters: the resources to create, and their order."""

    template: Template
    scope: ParameterScope

    @cached_property
    def resources(self) -> dict[str, Json]:
        """The definitions of the resources to create, in the template's order."""
        return {
            name: definition
            for name, definition in self.template.resources.items()
            if self._wanted(definition, f"resources.{name}")
        }

    @cached_property
    def outputs(self) -> dict[str, Json]:
        """The definitions of the outputs to show, by name."""
        return {
            name: self.template.outputs[name]
            for name in sorted(self.template.outputs)
            if self._wanted(self.template.outputs[name], f"outputs.{name}")
        }

    def _wanted(self, definition: Json, where: str) -> bool:
        if not isinstance(definition, dict) or "condition" not in definition:
            return True
        try:
            return truth(definition["condition"], self.scope)
        except HotError as error:
            raise HotError(f"{where}.condition: : {error.message}") from error

    @cached_property
    def requirements(self) -> dict[str, list[str]]:
        """For each resource, the resources that must exist before it.

        Raises:
            HotError: a resource requires one that is not defined.
        """
        return {name: self._requirements_of(name, definition) for name, definition in self.resources.items()}

    def _requirements_of(self, name: str, definition: Mapping[str, Json]) -> list[str]:
        explicit = definition.get("depends_on") or []
        wanted = [(needed, name) for needed in ([explicit] if isinstance(explicit, str) else explicit)]
        for needed, path, _ in references(definition.get("properties") or {}, self.scope):
            wanted.append((needed, f"{name}.Properties.{path}"))
        for needed, where in wanted:
            if needed not in self.template.resources:
                raise HotError(
                    f'The specified reference "{needed}" (in {where}) is incorrect.', "InvalidTemplateReference"
                )
        return list(dict.fromkeys(needed for needed, _ in wanted if needed in self.resources))

    def required_by(self, name: str) -> list[str]:
        """The resources that require this one."""
        return [other for other, needed in self.requirements.items() if name in needed]

    def validate(self, types: TypeCatalog, custom: hot_parameters.CustomConstraint) -> None:
        """Check everything that Heat checks before it accepts a stack.

        Raises:
            HotError: with the type and text of Heat's own error.
        """
        self.template.check_sections()
        self.template.check_types(types)
        for name, definition in self.resources.items():
            self._check_functions(definition.get("properties") or {}, f"resources.{name}.properties")
        self._check_order()
        for name, definition in self.resources.items():
            _PropertyCheck(self.scope, name, custom).check(
                types.properties(definition["type"]), definition.get("properties") or {}
            )
            if problem := types.problem(definition["type"], name, definition.get("properties") or {}):
                raise HotError(problem)
        self._check_outputs(types)

    def _check_functions(self, value: Json, where: str) -> None:
        """Evaluate from the inside out, so that a wrong function is reported with its own path."""
        name = function_of(value)
        if name in {"get_param", "get_resource", "get_attr"}:
            return
        if isinstance(value, dict):
            for key, item in value.items():
                self._check_functions(item, f"{where}.{key}")
        elif isinstance(value, list):
            for index, item in enumerate(value):
                self._check_functions(item, f"{where}[{index}]")
        if name in {"if", "str_replace"}:
            try:
                resolve(value, self.scope)
            except HotError as error:
                raise HotError(f"{where}.{name}: : {error.message}") from error

    def _check_order(self) -> None:
        try:
            graphlib.TopologicalSorter(self.requirements).prepare()
        except graphlib.CycleError as error:
            members = [name for name in self.resources if name in error.args[1]]
            edges = ", ".join(
                f"{self._label(name)}: {{{', '.join(self._label(needed) for needed in self.requirements[name])}}}"
                for name in members
            )
            raise HotError(f"Circular Dependency Found: {{{edges}}}", "CircularDependencyException") from error

    def _label(self, name: str) -> str:
        return resource_label(self.resources[name]["type"], name)

    def _check_outputs(self, types: TypeCatalog) -> None:
        for key, definition in self.outputs.items():
            value = definition.get("value") if isinstance(definition, dict) else None
            for name, _, attribute in references(value, self.scope):
                function = "get_resource" if attribute is None else "get_attr"
                if name not in self.template.resources:
                    raise HotError(
                        f'outputs.{key}.value.{function}: : The specified reference "{name}" (in unknown)'
                        " is incorrect."
                    )
                if attribute is not None and name in self.resources:
                    known = types.attributes(self.resources[name]["type"])
                    if attribute not in known:
                        raise HotError(
                            f"outputs.{key}.value.get_attr: : The Referenced Attribute ({name} {attribute})"
                            " is incorrect."
                        )


def resource_label(type_name: str, name: str) -> str:
    """A resource in Heat's messages: `Server "web"`."""
    return f'{type_name.rsplit("::", 1)[-1]} "{name}"'


def _known_type(types: TypeCatalog, type_name: str) -> None:
    try:
        types.properties(type_name)
    except KeyError:
        raise HotError(f"The Resource Type ({type_name}) could not be found.") from None


@dataclass(frozen=True)
class _PropertyCheck:
    """Checks the properties of one resource."""

    scope: Scope
    resource: str
    custom: hot_parameters.CustomConstraint

    def check(self, schema: Mapping[str, Property], properties: Mapping[str, Json]) -> None:
        where = f"resources.{self.resource}.properties"
        for name in properties:
            if name not in schema:
                raise HotError(f"Property error: : {where}: : Unknown Property {name}")
        for name, wanted in schema.items():
            value = self._value(properties[name], f"{where}.{name}") if name in properties else REMOVED
            if value is REMOVED or value is None:
                if wanted.required and not self._refers(properties.get(name)):
                    raise HotError(f"Property error: : {where}: : Property {name} not assigned")
            elif not self._refers(properties[name]):
                self._check_value(wanted, value, f"{where}.{name}")

    def _refers(self, value: Json) -> bool:
        """Whether the value is known only after other resources exist."""
        return any(True for _ in references(value, self.scope))

    def _value(self, value: Json, where: str) -> Json:
        try:
            return resolve(value, self.scope)
        except HotError as error:
            raise HotError(f"Property error: : {where}: : {error.message}") from error

    def _check_value(self, wanted: Property, value: Json, where: str) -> None:
        problem = _kind_problem(wanted.kind, value)
        if problem is None and wanted.minimum is not None and int(value) < wanted.minimum:
            problem = f"{value} is out of range (min: {wanted.minimum}, max: None)"
        if problem is None and wanted.custom_constraint and value != "":
            reason = self.custom(wanted.custom_constraint, value)
            problem = reason and f"Error validating value '{value}': {reason}"
        if problem:
            raise HotError(f"Property error: : {where}: : {problem}")


_CONTAINERS: Final[dict[str, tuple[type[Any], str]]] = {"list": (list, "a list"), "map": (dict, "a map")}


def _kind_problem(kind: str, value: Json) -> str | None:
    if kind == "integer":
        try:
            int(value)
        except (TypeError, ValueError):
            return f"Value '{value}' is not an integer"
    elif kind == "string" and isinstance(value, dict | list):
        return "Value must be a string"
    elif kind in _CONTAINERS:
        wanted, words = _CONTAINERS[kind]
        if not isinstance(value, wanted):
            return f'"{value}" is not {words}'
    return None
