"""Compare the catalogue's data with the clouds that it is sold on: `python -m tools.check_catalog`.

Every flavor, image, network and resource class that the catalogue names must exist in every project of every open
region, and each flavor must have the properties that the catalogue gives. Prints a table; the exit code is 1 if
anything differs. `--target` selects the clouds:

    installed   those of the providers' secret, found by PROVIDER_SECRET_ID and the AWS variables; the default
    simulator   a simulated cloud, started for the check
    openstack   the cloud that OS_CLOUD names in clouds.yaml, with the development overlay
"""

import argparse
import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from chalicelib.adapters.providers.openstack.config import OpenStackConfig, RegionConfig
from chalicelib.adapters.providers.openstack.connections import Connections
from chalicelib.adapters.shared.configuration import ConfigurationError
from chalicelib.domain.cloud.catalog.models import Catalog, Image, InstanceType, Region
from chalicelib.domain.cloud.providers.errors import ProviderError
from chalicelib.kernel.clock import SystemClock
from tools.catalog_data import CATALOG, CatalogError, read_catalog
from tools.cloud_inventory import ProjectInventory, resource_classes

_PROVIDER = "openstack"


@dataclass(frozen=True)
class Finding:
    """The result for one name; `problem` is empty if the cloud has it as the catalogue says."""

    region: str
    kind: str
    name: str
    problem: str = ""


def check(catalog: Catalog, config: OpenStackConfig, connections: Connections) -> Iterator[Finding]:
    """Check every name in `catalog`; one finding or more for each."""
    for region in catalog.regions:
        if not region.is_open or region.provider != _PROVIDER:
            continue
        configured = config.regions.get(region.id)
        if configured is None:
            yield Finding(region.id, "region", region.id, "is not in the provider's configuration")
            continue
        yield from _looking(region, _check_classes(catalog, region, configured, connections))
        for project in configured.projects:
            inventory = ProjectInventory(connections.to(region.id, configured, project))
            for finding in _looking(region, _check_project(catalog, region, configured, inventory)):
                yield _in_project(finding, project.name)


def _looking(region: Region, findings: Iterator[Finding]) -> Iterator[Finding]:
    """Yield `findings`, and one more if the cloud refuses to answer."""
    try:
        yield from findings
    except ProviderError as error:
        yield Finding(region.id, "region", region.id, f"cannot be looked into: {error}")


def _check_classes(
    catalog: Catalog, region: Region, configured: RegionConfig, connections: Connections
) -> Iterator[Finding]:
    sold = {t.gpu.resource_class for t in catalog.instance_types if t.gpu and region.id in t.regions}
    if not sold:
        return
    reader = configured.capacity or configured.projects[0]
    known = resource_classes(connections.to(region.id, configured, reader))
    for name in sorted(sold):
        yield Finding(region.id, "resource class", name, "" if name in known else "does not exist")


def _check_project(
    catalog: Catalog, region: Region, configured: RegionConfig, inventory: ProjectInventory
) -> Iterator[Finding]:
    for entry in catalog.instance_types:
        if region.id in entry.regions:
            problem = "; ".join(flavor_problems(entry, inventory))
            yield Finding(region.id, "flavor", entry.flavor, f"{entry.id}: {problem}" if problem else "")
    for image in catalog.images:
        if region.id in image.provider_images:
            name = image.provider_images[region.id]
            problem = "; ".join(image_problems(image, name, inventory))
            yield Finding(region.id, "image", name, f"{image.id}: {problem}" if problem else "")
    yield from _check_networks(region, configured, inventory)


def flavor_problems(entry: InstanceType, inventory: ProjectInventory) -> Iterator[str]:
    """The differences between the flavor of `entry` and the catalogue."""
    flavor = inventory.flavor(entry.flavor)
    if flavor is None:
        yield "there is no such flavor"
        return
    sizes = {
        "vCPUs": (flavor.vcpus, entry.vcpus),
        "MB of memory": (flavor.memory_mb, entry.memory_gb * 1024),
        "GB of disk": (flavor.disk_gb, entry.local_disk_gb),
    }
    for what, (found, sold) in sizes.items():
        if found != sold:
            yield f"has {found} {what}, the catalogue says {sold}"
    wanted = {f"trait:{trait}": "required" for trait in entry.required_traits}
    if entry.gpu is not None:
        wanted[f"resources:{entry.gpu.resource_class}"] = str(entry.gpu.count)
    for key, value in wanted.items():
        if flavor.extra_specs.get(key) != value:
            yield f"has {key}={flavor.extra_specs.get(key)}, the catalogue says {value}"


def image_problems(image: Image, name: str, inventory: ProjectInventory) -> Iterator[str]:
    """The differences between the provider's image `name` and `image` in the catalogue."""
    found = inventory.image(name)
    if found is None:
        yield "there is no such image"
        return
    if found.min_disk_gb > image.min_disk_gb:
        yield f"needs {found.min_disk_gb} GB of disk, the catalogue says {image.min_disk_gb}"
    if found.min_memory_mb > image.min_memory_gb * 1024:
        yield f"needs {found.min_memory_mb} MB of memory, the catalogue says {image.min_memory_gb * 1024}"


def _check_networks(region: Region, configured: RegionConfig, inventory: ProjectInventory) -> Iterator[Finding]:
    name = region.network or configured.network
    problem = "" if inventory.network(name) else "there is no such network"
    yield Finding(region.id, "network", name, problem)
    if name := region.public_network or configured.public_network:
        network = inventory.network(name)
        problem = "there is no such network" if network is None else ""
        if network is not None and not network.is_external:
            problem = "gives no public addresses (router:external is false)"
        yield Finding(region.id, "public network", name, problem)


def _in_project(finding: Finding, project: str) -> Finding:
    problem = f"{finding.problem} (project {project})" if finding.problem else ""
    return Finding(finding.region, finding.kind, finding.name, problem)


def table(findings: Sequence[Finding]) -> str:
    """The findings as aligned text; names without a problem are listed once."""
    rows = [("REGION", "KIND", "NAME", "FOUND")]
    rows += dict.fromkeys((f.region, f.kind, f.name, f.problem or "ok") for f in findings)
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    return "\n".join(
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[3]]) for row in rows
    )


@dataclass(frozen=True)
class Clouds:
    """The clouds to compare with: the providers' secret, and the catalogue's overlay for them."""

    secret: str
    overlay: Path | None = None


class Unreachable(Exception):
    """The target cannot be reached; the text says what to do."""


@contextmanager
def clouds_of(target: str) -> Iterator[Clouds]:
    """The clouds that `target` names; they run as long as the block.

    Raises:
        Unreachable: they cannot be reached.
    """
    if target == "installed":
        yield Clouds(_installed_secret())
        return
    from dev.localcloud.ports import Ports
    from dev.localcloud.targets import OPENSTACK_OVERLAY, NoSuchCloud, TargetKind, choose_target

    if target == "simulator":
        from dev.simulators.openstack.simulator import OpenStackSimulator

        with OpenStackSimulator() as simulator:
            ports = Ports(openstack=int(simulator.base_url.rpartition(":")[2]))
            yield Clouds(json.dumps(choose_target(TargetKind.SIMULATOR, ports).secret))
        return
    try:
        secret = choose_target(TargetKind.OPENSTACK, Ports()).secret
    except NoSuchCloud as missing:
        raise Unreachable(str(missing)) from missing
    yield Clouds(json.dumps(secret), OPENSTACK_OVERLAY)


def _installed_secret() -> str:
    import boto3

    if "PROVIDER_SECRET_ID" not in os.environ:
        raise Unreachable("Set PROVIDER_SECRET_ID to the id of the providers' secret, or choose another --target.")
    secrets = boto3.client("secretsmanager")
    return secrets.get_secret_value(SecretId=os.environ["PROVIDER_SECRET_ID"])["SecretString"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare; return 0 if nothing differs, 1 if something differs or cannot be compared."""
    options = _parser().parse_args(arguments)
    try:
        with clouds_of(options.target) as clouds:
            catalog = read_catalog(options.catalog, options.overlay or clouds.overlay)
            return _compare(catalog, OpenStackConfig.from_secret(clouds.secret))
    except (CatalogError, ConfigurationError, Unreachable) as error:
        print(error, file=sys.stderr)
        return 1


def _compare(catalog: Catalog, config: OpenStackConfig) -> int:
    connections = Connections(config.call_timeout_seconds, SystemClock())
    try:
        findings = list(check(catalog, config, connections))
    finally:
        connections.close()
    print(table(findings))
    wrong = sum(1 for finding in findings if finding.problem)
    print(f"\n{wrong} differences" if wrong else "\nThe catalogue and the clouds agree.")
    return 1 if wrong else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Compare the catalogue's data with the clouds.")
    targets = ("installed", "simulator", "openstack")
    parser.add_argument("--target", choices=targets, default="installed", help="the clouds to check")
    parser.add_argument("--catalog", type=Path, default=CATALOG, help="folder of the data")
    parser.add_argument("--overlay", type=Path, help="the overlay; by default that of the target")
    return parser


if __name__ == "__main__":
    sys.exit(main())
