"""How the API's paths are shared out among REST APIs.

API Gateway allows 300 path resources in one API. What callers see as one API is therefore as many as it takes:
each has the paths below one base path, and the domain maps that base path to it. The longest base path wins, and
is stripped (https://docs.aws.amazon.com/apigateway/latest/developerguide/rest-api-mappings.html).
"""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from tools.template.intrinsics import camel

API = "RestAPI"
"""The logical id that Chalice gives."""
STAGE = "api"
"""The stage of every API, and the first part of every base path."""

_VERSION = re.compile(r"v\d+")


class CannotSplit(Exception):
    """The paths below one literal base path are too many for one API."""


@dataclass(frozen=True)
class RestApi:
    """One REST API: the paths below `base`, such as `v1`, or those below no other API's base."""

    base: str
    paths: tuple[str, ...]

    @property
    def logical_id(self) -> str:
        """Its CloudFormation name."""
        return API + "".join(camel(part) for part in _parts(self.base))

    @property
    def base_path(self) -> str:
        """What the domain maps to it."""
        return f"{STAGE}/{self.base}" if self.base else STAGE

    @property
    def name(self) -> str:
        """Its name as a text with parameters; its metrics are found by it."""
        return "-".join(("${Installation}", *_parts(self.base)))

    def local(self, path: str) -> str:
        """`path` as the API itself has it: the base path is stripped before."""
        return path.removeprefix(f"/{self.base}") or "/" if self.base else path


def path_nodes(paths: Iterable[str]) -> int:
    """How many resources API Gateway makes of `paths`: the root, and every distinct prefix."""
    nodes: set[tuple[str, ...]] = {()}
    for path in paths:
        parts = tuple(_parts(path))
        nodes |= {parts[:length] for length in range(1, len(parts) + 1)}
    return len(nodes)


def share_out(paths: Collection[str], limit: int) -> tuple[RestApi, ...]:
    """The APIs for `paths`, none with more than `limit` path nodes; what is below `/v1` is an API of its own.

    Raises:
        CannotSplit: names the base path below which there are too many.
    """
    groups: dict[str, list[str]] = {}
    for path in sorted(paths):
        first = path.split("/")[1]
        groups.setdefault(first if _VERSION.fullmatch(first) else "", []).append(path)
    while crowded := [base for base, found in groups.items() if _size(base, found) > limit]:
        base = crowded[0]
        carved = _largest_that_fits(base, groups[base], limit)
        groups[carved] = [path for path in groups[base] if _is_below(carved, path)]
        groups[base] = [path for path in groups[base] if not _is_below(carved, path)]
    return tuple(RestApi(base, tuple(found)) for base, found in sorted(groups.items()) if found)


def _largest_that_fits(base: str, paths: Iterable[str], limit: int) -> str:
    """The literal base path below `base` that takes most away from it and is not too large itself."""
    sizes: dict[str, int] = {}
    for path in paths:
        parts = _parts(path)
        literal = next((number for number, part in enumerate(parts) if "{" in part), len(parts))
        for length in range(len(_parts(base)) + 1, literal + 1):
            carved = "/".join(parts[:length])
            sizes[carved] = _size(carved, [path for path in paths if _is_below(carved, path)])
    fitting = {carved: size for carved, size in sizes.items() if size <= limit}
    if not fitting:
        raise CannotSplit(f"the paths below /{base} are too many for one REST API, and have no part in common")
    return max(fitting, key=lambda carved: (fitting[carved], carved))


def _is_below(base: str, path: str) -> bool:
    return f"{path}/".startswith(f"/{base}/")


def _size(base: str, paths: Iterable[str]) -> int:
    return path_nodes(RestApi(base, ()).local(path) for path in paths)


def _parts(path: str) -> list[str]:
    return [part for part in path.split("/") if part]
