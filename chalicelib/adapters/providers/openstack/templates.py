"""The Heat templates in the product, and the check of a machine's parameters before any call.

Heat would refuse most invalid parameters itself; checking here saves a call, and names the parameter.
"""

import re
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml

from chalicelib.domain.cloud.providers.errors import SpecRejected
from chalicelib.kernel.dataclasses import dataclass

TEMPLATES: Final = Path(__file__).resolve().parents[4] / "heat_templates"
"""Beside `chalicelib`, in the repository and in a packaged function."""

_NAME: Final = re.compile(r"[a-z][a-z_]*/v[1-9][0-9]*")

Value = str | int


@dataclass(frozen=True)
class Template:
    """One template: its text for Heat, and the parameters that it declares."""

    text: str
    parameters: Mapping[str, Mapping[str, Any]]

    def check(self, values: Mapping[str, Value]) -> None:
        """Check `values` against the template's own constraints.

        Raises:
            SpecRejected: names the parameter.
        """
        for name in values.keys() - self.parameters.keys():
            raise SpecRejected(f"{name}: the template has no such parameter")
        for name, declared in self.parameters.items():
            if name in values:
                _check(name, values[name], declared)
            elif "default" not in declared:
                raise SpecRejected(f"{name}: is missing")


@cache
def template(name: str) -> Template:
    """Return the template called `name`, such as `cpu_instance/v1`.

    Raises:
        SpecRejected: there is no such template.
    """
    path = TEMPLATES / f"{name}.yaml"
    if not _NAME.fullmatch(name) or not path.is_file():
        raise SpecRejected(f"template: there is no {name!r}")
    text = path.read_text(encoding="utf-8")
    return Template(text, yaml.safe_load(text)["parameters"])


def _check(name: str, value: Value, declared: Mapping[str, Any]) -> None:
    if not isinstance(value, int if declared["type"] == "number" else str):
        raise SpecRejected(f"{name}: must be a {declared['type']}")
    for constraint in declared.get("constraints", ()):
        for kind, rule in constraint.items():
            if (complaint := _COMPLAINTS[kind](value, rule)) is not None:
                raise SpecRejected(f"{name}: {complaint}")


def _outside(amount: int, rule: Mapping[str, int], of_what: str) -> str | None:
    low, high = rule.get("min"), rule.get("max")
    if low is not None and amount < low:
        return f"{of_what} {amount} is below {low}"
    if high is not None and amount > high:
        return f"{of_what} {amount} is above {high}"
    return None


def _range(value: Any, rule: Any) -> str | None:
    return _outside(value, rule, "the value")


def _length(value: Any, rule: Any) -> str | None:
    # In bytes, as the services behind Heat count; Heat counts characters, so that this is at least as strict.
    return _outside(len(value.encode()), rule, "the length in bytes")


def _allowed_values(value: Any, rule: Any) -> str | None:
    return None if value in rule else f"must be one of {', '.join(map(str, rule))}"


def _allowed_pattern(value: Any, rule: Any) -> str | None:
    return None if re.fullmatch(rule, value) else f"does not match {rule}"


_COMPLAINTS: Final[Mapping[str, Callable[[Any, Any], str | None]]] = {
    "range": _range,
    "length": _length,
    "allowed_values": _allowed_values,
    "allowed_pattern": _allowed_pattern,
}
