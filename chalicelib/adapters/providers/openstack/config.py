"""The configuration of an OpenStack: its regions, their projects, and the credentials of each.

It is one part of the providers' secret, which is a JSON document:

    {"openstack": {
       "installation": "hearth-prod",
       "regions": {
         "montreal": {
           "auth_url": "https://identity.example.net/v3", "region_name": "YUL1",
           "network": "tenant", "public_network": "public",
           "projects": [
             {"name": "hearth-1", "username": "hearth", "password": "…"},
             {"name": "hearth-2", "application_credential_id": "…", "application_credential_secret": "…"}],
           "capacity": {"name": "admin", "username": "placement-reader", "password": "…"}}}}}
"""

from typing import Annotated, Self

from pydantic import AnyHttpUrl, Field, SecretStr, model_validator

from chalicelib.adapters.shared.configuration import Configured, SecretPart
from chalicelib.domain.cloud.providers.errors import ProviderDenied

Installation = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
"""Fits into a Heat tag: at most 80 characters, no comma."""


class ProjectConfig(Configured):
    """One project and its credentials: a password, or an application credential.

    With Keystone's defaults an application credential cannot create stacks, because Heat creates a trust for each
    stack and Keystone gives none to delegated tokens; `allow_insecure_application_credential_trust_escalation`
    changes that.
    """

    name: str = Field(min_length=1)
    username: str | None = None
    password: SecretStr | None = None
    user_domain: str = "Default"
    project_domain: str = "Default"
    application_credential_id: str | None = None
    application_credential_secret: SecretStr | None = None

    @property
    def uses_application_credential(self) -> bool:
        """Whether it signs in with an application credential instead of a password."""
        return self.application_credential_id is not None

    @model_validator(mode="after")
    def _one_credential(self) -> Self:
        by_password = (self.username, self.password)
        by_application = (self.application_credential_id, self.application_credential_secret)
        given = [pair for pair in (by_password, by_application) if any(part is not None for part in pair)]
        if len(given) != 1 or None in given[0]:
            message = (
                "needs either username and password, or application_credential_id and "
                "application_credential_secret"
            )
            raise ValueError(message)
        return self


class RegionConfig(Configured):
    """One region: a Keystone endpoint, a region of its catalogue, and our projects there."""

    auth_url: AnyHttpUrl
    region_name: str = Field(min_length=1)
    interface: str = Field(default="public", pattern="^(public|internal|admin)$")
    network: str = Field(min_length=1)
    """The private network of machines that name none."""
    public_network: str = ""
    """The network with public addresses; empty if machines have none."""
    projects: tuple[ProjectConfig, ...] = Field(min_length=1)
    capacity: ProjectConfig | None = None
    """Credentials for Placement, which by default demands an administrator; without them the first project's are
    used.
    """
    stacks_per_project: int = Field(default=512, ge=1)
    """Heat's `max_stacks_per_tenant`."""
    create_timeout_minutes: int = Field(default=30, ge=1, le=1440)
    """After this time Heat itself aborts a create with `Timed out`."""

    @model_validator(mode="after")
    def _distinct_projects(self) -> Self:
        names = [project.name for project in self.projects]
        if len(set(names)) != len(names):
            raise ValueError("projects must have different names")
        return self

    def project(self, name: str) -> ProjectConfig:
        """Return the project called `name`.

        Raises:
            ProviderDenied: it is not, or no longer, configured.
        """
        for project in self.projects:
            if project.name == name:
                return project
        raise ProviderDenied(f"project {name!r} is not in the configuration of region {self.region_name!r}")


class OpenStackConfig(SecretPart):
    """The configuration of one OpenStack provider."""

    SECRET = "the providers' secret"  # noqa: S105 (its name, not its content)
    PART = "openstack"

    installation: Installation
    """The name of this installation: its stacks have it as a tag, and stacks without it are never touched
    (G25).
    """
    regions: dict[str, RegionConfig] = Field(min_length=1)
    """By Hearth's name of the region."""
    call_timeout_seconds: float = Field(default=10, gt=0, le=120)
    """For one HTTP exchange. A create may take four: a sign-in, the create, and a look with one retry."""

    def region(self, name: str) -> RegionConfig:
        """Return the region that Hearth calls `name`.

        Raises:
            ProviderDenied: it is not configured.
        """
        try:
            return self.regions[name]
        except KeyError:
            raise ProviderDenied(f"region {name!r} is not in the provider's configuration") from None
