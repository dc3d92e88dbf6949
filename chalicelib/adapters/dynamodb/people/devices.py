"""Devices that users sign in from."""

from collections.abc import Sequence

from pynamodb.attributes import UnicodeAttribute

from chalicelib.adapters.dynamodb.table import Record
from chalicelib.adapters.dynamodb.transactor import delete, put
from chalicelib.domain.people.sign_in.models import DEVICE_REMEMBERED, KnownDevice
from chalicelib.kernel.clock import epoch_seconds, isoformat, parse_isoformat
from chalicelib.kernel.transactions import Write

_MOST_READ = 100


class DeviceRecord(Record, discriminator="DEVICE"):
    """`USER#<id>` / `DEVICE#<fingerprint>`: a kind of client in a network, and when it was last seen."""

    last_seen_at = UnicodeAttribute()


class DynamoKnownDevices:
    """`KnownDevices` in the user's partition; the items expire."""

    def all_of(self, user_id: str) -> Sequence[KnownDevice]:
        """Return the user's devices; see `KnownDevices.all_of`."""
        found = DeviceRecord.query(
            f"USER#{user_id}", DeviceRecord.sk.startswith("DEVICE#"), consistent_read=True, limit=_MOST_READ
        )
        return [KnownDevice(record.sk.partition("#")[2], parse_isoformat(record.last_seen_at)) for record in found]

    def keep(self, user_id: str, device: KnownDevice) -> Write:
        """Store `device`; see `KnownDevices.keep`."""
        record = DeviceRecord(
            f"USER#{user_id}",
            f"DEVICE#{device.fingerprint}",
            last_seen_at=isoformat(device.last_seen_at),
            expires_at=epoch_seconds(device.last_seen_at + DEVICE_REMEMBERED),
        )
        return put(record)

    def forget(self, user_id: str, fingerprint: str) -> Write:
        """Delete a device; see `KnownDevices.forget`."""
        return delete(DeviceRecord(f"USER#{user_id}", f"DEVICE#{fingerprint}"))
