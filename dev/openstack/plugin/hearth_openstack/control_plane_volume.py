"""Cinder without storage: every operation on a volume succeeds at once and moves no data."""

from typing import Any

from cinder import interface
from cinder.volume import driver


@interface.volumedriver
class ControlPlaneVolumeDriver(driver.VolumeDriver):
    """Volumes, snapshots and attachments that exist only in Cinder's database."""

    VERSION = "1.0"
    CI_WIKI_NAME = "none"

    def do_setup(self, context: Any) -> None:
        """Do nothing; there is no storage to prepare."""

    def check_for_setup_error(self) -> None:
        """Do nothing; there is no storage to check."""

    def create_volume(self, volume: Any) -> None:
        """Succeed."""

    def create_volume_from_snapshot(self, volume: Any, snapshot: Any) -> None:
        """Succeed."""

    def create_cloned_volume(self, volume: Any, src_vref: Any) -> None:
        """Succeed."""

    def copy_image_to_volume(
        self, context: Any, volume: Any, image_service: Any, image_id: str, disable_sparse: bool = False
    ) -> None:
        """Succeed, copying nothing."""

    def delete_volume(self, volume: Any) -> None:
        """Succeed."""

    def extend_volume(self, volume: Any, new_size: int) -> None:
        """Succeed."""

    def create_snapshot(self, snapshot: Any) -> None:
        """Succeed."""

    def delete_snapshot(self, snapshot: Any) -> None:
        """Succeed."""

    def ensure_export(self, context: Any, volume: Any) -> None:
        """Succeed."""

    def create_export(self, context: Any, volume: Any, connector: Any) -> None:
        """Succeed."""

    def remove_export(self, context: Any, volume: Any) -> None:
        """Succeed."""

    def initialize_connection(self, volume: Any, connector: Any, **_options: Any) -> dict[str, Any]:
        """Describe an iSCSI target that does not exist; the fake hypervisor never connects to it."""
        return {
            "driver_volume_type": "iscsi",
            "data": {
                "volume_id": volume.id,
                "access_mode": "rw",
                "target_portal": "127.0.0.1:3260",
                "target_iqn": f"iqn.2010-10.org.openstack:{volume.id}",
                "target_lun": 1,
                "discard": False,
            },
        }

    def terminate_connection(self, volume: Any, connector: Any, **_options: Any) -> None:
        """Succeed."""

    def _update_volume_stats(self) -> None:
        self._stats = {
            "volume_backend_name": "fake",
            "vendor_name": "none",
            "driver_version": self.VERSION,
            "storage_protocol": "iscsi",
            "total_capacity_gb": 100_000,
            "free_capacity_gb": 100_000,
            "allocated_capacity_gb": 0,
            "reserved_percentage": 0,
            "QoS_support": False,
            "multiattach": True,
        }

    def get_volume_stats(self, refresh: bool = False) -> dict[str, Any]:
        """Report 100 TB of free space."""
        self._update_volume_stats()
        return self._stats
