"""Cinder's resource types: volumes and their attachments."""

from dev.simulators.http import Json
from dev.simulators.openstack import views
from dev.simulators.openstack.config import stable_uuid
from dev.simulators.openstack.hot import Property
from dev.simulators.openstack.resources.base import ResourceError, ResourceType, properties_of
from dev.simulators.openstack.site import Site, new_uuid, request_id
from dev.simulators.openstack.state import Resource, Volume


class VolumeType(ResourceType):
    """A Cinder volume."""

    name = "OS::Cinder::Volume"
    can_be_checked = True
    properties = properties_of(
        "availability_zone snapshot_id backup_id name description source_volid scheduler_hints read_only"
        " multiattach",
        size=Property("integer", minimum=1),
        volume_type=Property("string", custom_constraint="cinder.vtype"),
        metadata=Property("map"),
        image=Property("string", custom_constraint="glance.image"),
        imageRef=Property("string", custom_constraint="glance.image"),
    )
    attributes = frozenset(
        [
            "availability_zone",
            "size",
            "snapshot_id",
            "display_name",
            "display_description",
            "volume_type",
            "metadata",
            "metadata_values",
            "source_volid",
            "status",
            "created_at",
            "bootable",
            "encrypted",
            "attachments",
            "attachments_list",
            "multiattach",
            "show",
        ]
    )
    create_seconds = 0.8
    delete_seconds = 0.6

    def create(self, site: Site, resource: Resource) -> str:
        """Request the volume from Cinder."""
        wanted = resource.properties
        size_gb = int(wanted.get("size") or 1)
        self._check_quota(site, resource.name, size_gb)
        volume = Volume(
            id=new_uuid(),
            name=str(wanted.get("name") or resource.placeholder),
            description=wanted.get("description"),
            project_id=site.project_id,
            user_id=site.user_id,
            size_gb=size_gb,
            volume_type=str(wanted.get("volume_type") or site.config.volume_types[0]),
            metadata={str(key): str(value) for key, value in (wanted.get("metadata") or {}).items()},
            bootable=bool(wanted.get("image") or wanted.get("imageRef")),
            status="creating",
            created_at=site.now,
            updated_at=None,
        )
        site.region.volumes[volume.id] = volume
        return volume.id

    def _check_quota(self, site: Site, name: str, size_gb: int) -> None:
        own = [volume for volume in site.region.volumes.values() if volume.project_id == site.project_id]
        used_gb = sum(volume.size_gb for volume in own)
        if site.exceeds("gigabytes", used_gb, size_gb):
            raise ResourceError(
                f"OverLimit: resources.{name}: VolumeSizeExceedsAvailableQuota: Requested volume or snapshot"
                f" exceeds allowed gigabytes quota. Requested {size_gb}G, quota is {site.limit('gigabytes')}G and"
                f" {used_gb}G has been consumed. (HTTP 413) (Request-ID: {request_id()})"
            )
        if site.exceeds("volumes", len(own)):
            raise ResourceError(
                f"OverLimit: resources.{name}: VolumeLimitExceeded: Maximum number of volumes allowed"
                f" ({site.limit('volumes')}) exceeded for quota 'volumes'. (HTTP 413) (Request-ID: {request_id()})"
            )

    def complete(self, site: Site, resource: Resource) -> None:
        """The volume becomes available."""
        if volume := site.region.volumes.get(resource.physical_id):
            volume.status, volume.updated_at = "available", site.now

    def delete(self, site: Site, resource: Resource) -> None:
        """Delete the volume, unless an injected fault prevents it."""
        volume = site.region.volumes.get(resource.physical_id)
        if volume and volume.undeletable_by_heat:
            volume.status, volume.updated_at = "error", site.now
            raise ResourceError(
                f'ResourceInError: resources.{resource.name}: Went to status error_deleting due to "Unknown"'
            )
        site.region.volumes.pop(resource.physical_id, None)

    def body(self, site: Site, resource: Resource) -> dict[str, Json]:
        """The volume in Cinder's format."""
        volume = site.region.volumes.get(resource.physical_id)
        if volume is None:
            return {}
        newer = {"group_id": None, "shared_targets": True, "service_uuid": stable_uuid("cinder", site.region.id)}
        newer |= {"volume_type_id": stable_uuid("volume-type", volume.volume_type), "consumes_quota": True}
        return {**views.volume(site, volume), **newer}


class VolumeAttachmentType(ResourceType):
    """The attachment of a volume to a server."""

    name = "OS::Cinder::VolumeAttachment"
    properties = properties_of(
        "mountpoint",
        instance_uuid=Property("string", required=True),
        volume_id=Property("string", required=True),
    )
    create_seconds = 1.2
    delete_seconds = 0.8

    def create(self, site: Site, resource: Resource) -> str:
        """Start to attach; the physical id is the volume's id."""
        volume = self._volume(site, resource)
        if volume:
            volume.status = "attaching"
        return str(resource.properties["volume_id"])

    def complete(self, site: Site, resource: Resource) -> None:
        """The volume is attached."""
        if volume := self._volume(site, resource):
            volume.status, volume.server_id = "in-use", str(resource.properties["instance_uuid"])
            volume.attachment_id, volume.updated_at = new_uuid(), site.now

    def delete(self, site: Site, resource: Resource) -> None:
        """Detach the volume."""
        if volume := self._volume(site, resource):
            volume.status, volume.server_id, volume.attachment_id = "available", None, None
            volume.updated_at = site.now

    def _volume(self, site: Site, resource: Resource) -> Volume | None:
        return site.region.volumes.get(str(resource.properties.get("volume_id")))
