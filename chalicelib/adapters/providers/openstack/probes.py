"""`Probe`s of the regions: whether each Keystone answers."""

from collections.abc import Callable, Sequence
from http import HTTPStatus

from chalicelib.adapters.providers.openstack.config import OpenStackConfig
from chalicelib.adapters.shared.http import Bounds, HttpClient
from chalicelib.domain.cloud.providers.errors import ProviderError
from chalicelib.domain.foundation.health.ports import Probe
from chalicelib.kernel.dataclasses import dataclass

_BOUNDS = Bounds(connect_seconds=3, read_seconds=3, whole_seconds=3, attempts=1)
"""Longer than a health report waits; a slow region is asked again only after it answered."""


class ProviderProbe:
    """Reads the provider's configuration, and returns a probe for each of its regions."""

    name = "provider-configuration"

    def __init__(self, read_configuration: Callable[[], str]) -> None:
        self._read_configuration = read_configuration

    def ask(self) -> Sequence[Probe]:
        """Read the configuration; see `Probe.ask`."""
        regions = OpenStackConfig.from_secret(self._read_configuration()).regions
        return [RegionProbe(name, str(region.auth_url)) for name, region in regions.items()]


@dataclass(frozen=True)
class RegionProbe:
    """Reads Keystone's version document, which needs no sign-in."""

    region: str
    auth_url: str

    @property
    def name(self) -> str:
        """See `Probe.name`."""
        return f"region-{self.region}"

    def ask(self) -> Sequence[Probe]:
        """Read the document; see `Probe.ask`."""
        answer = HttpClient(f"Keystone of {self.region}", _BOUNDS).request("GET", self.auth_url)
        if answer.status >= HTTPStatus.BAD_REQUEST:
            raise ProviderError(f"Keystone of {self.region}: {answer.status}")
        return ()
