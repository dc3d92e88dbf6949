"""How the API's paths are divided among REST APIs.

API Gateway allows 300 path resources in one REST API, so what callers see as one API consists of several. Each has
the paths below one base path, and the domain maps that base path to it. API Gateway takes the longest base path
that matches, and strips it (https://docs.aws.amazon.com/apigateway/latest/developerguide/rest-api-mappings.html).
"""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from tools.template.intrinsics import camel

API = "RestAPI"
"""The logical id that Chalice gives to its API."""
STAGE = "api"
"""The stage of every API, and the first part of every base path."""

_VERSION = re.compile(r"v\d+")


class CannotSplit(Exception):
    """The paths below one literal base path are too many for one API."""


@dataclass(frozen=True)
class RestApi:
    """One REST API: the paths below `base`, such as `v1`; with an empty base, all paths that no other API has."""

    base: str
    paths: tuple[str, ...]

    @property
    def logical_id(self) -> str:
        """Its CloudFormation name."""
        return API + "".join(camel(part) for part in _parts(self.base))

    @property
    def base_path(self) -> str:
        """The base path that the domain maps to it."""
        return f"{STAGE}/{self.base}" if self.base else STAGE

    @property
    def name(self) -> str:
        """Its name for `Fn::Sub`, which is also the dimension of its metrics."""
        return "-".join(("${Installation}", *_parts(self.base)))

    def is_below(self, other: "RestApi") -> bool:
        """Whether its base path is longer than that of `other`, and begins with it."""
        return self.base != other.base and f"{self.base_path}/".startswith(f"{other.base_path}/")

    def local(self, path: str) -> str:
        """`path` without the base path, as the API declares it."""
        return path.removeprefix(f"/{self.base}") or "/" if self.base else path


def path_nodes(paths: Iterable[str]) -> int:
    """The number of resources that API Gateway creates for `paths`: the root, and every distinct prefix."""
    nodes: set[tuple[str, ...]] = {()}
    for path in paths:
        parts = tuple(_parts(path))
        nodes |= {parts[:length] for length in range(1, len(parts) + 1)}
    return len(nodes)


def share_out(paths: Collection[str], limit: int) -> tuple[RestApi, ...]:
    """Divide `paths` among APIs of at most `limit` path nodes; the paths below `/v1` have an API of their own.

    Raises:
        CannotSplit: the paths below one base path do not fit, and cannot be divided.
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
    """The literal base path below `base` with the most path nodes that still fit into one API."""
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
