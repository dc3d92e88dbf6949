"""SSH keys, with a guard item for each name and fingerprint, and a count, all in the customer's partition."""

from collections.abc import Sequence

from pynamodb.attributes import UnicodeAttribute

from chalicelib.adapters.dynamodb.pages import query_page
from chalicelib.adapters.dynamodb.table import IntegerAttribute, Record
from chalicelib.adapters.dynamodb.transactor import DynamoWrite, delete, insert, update
from chalicelib.domain.cloud.ssh_keys.models import Algorithm, PublicKey, SshKey
from chalicelib.domain.cloud.ssh_keys.ports import FINGERPRINT_FREE, KEY_THERE, NAME_FREE, ROOM_LEFT
from chalicelib.kernel.clock import isoformat, parse_isoformat
from chalicelib.kernel.pages import Page, PageRequest

_PREFIX = "SSH_KEY#"


class SshKeyRecord(Record, discriminator="SSH_KEY"):
    """`CUSTOMER#<customer>` / `SSH_KEY#<key id>`; ids sort by age."""

    name = UnicodeAttribute()
    algorithm = UnicodeAttribute()
    bits = IntegerAttribute()
    public_key = UnicodeAttribute()
    fingerprint = UnicodeAttribute()
    created_at = UnicodeAttribute()


class SshKeyGuardRecord(Record, discriminator="SSH_KEY_GUARD"):
    """`CUSTOMER#<customer>` / `SSH_KEY_NAME#<name>` or `SSH_KEY_FINGERPRINT#<fingerprint>`: it is in use."""

    ssh_key_id = UnicodeAttribute()


class SshKeyCountRecord(Record, discriminator="SSH_KEY_COUNT"):
    """`CUSTOMER#<customer>` / `SSH_KEY_COUNT`: how many keys there are."""

    keys = IntegerAttribute(null=True)


class DynamoSshKeyRecords:
    """`SshKeyRecords` on the customer's partition."""

    def list(self, customer_id: str, page: PageRequest) -> Page[SshKey]:
        """A customer's keys; see `SshKeyRecords.list`."""
        return query_page(
            SshKeyRecord,
            _partition(customer_id),
            page,
            lambda record: _ssh_key(customer_id, record),
            sort_key=SshKeyRecord.sk.startswith(_PREFIX),
        )

    def get(self, customer_id: str, ssh_key_id: str) -> SshKey | None:
        """One key; see `SshKeyRecords.get`."""
        try:
            found = SshKeyRecord.get(_partition(customer_id), _PREFIX + ssh_key_id, consistent_read=True)
        except SshKeyRecord.DoesNotExist:
            return None
        return _ssh_key(customer_id, found)

    def insert(self, ssh_key: SshKey, limit: int) -> Sequence[DynamoWrite]:
        """Add a key; see `SshKeyRecords.insert`."""
        name, fingerprint = _guards(ssh_key)
        count = SshKeyCountRecord(_partition(ssh_key.customer_id), "SSH_KEY_COUNT")
        room_left = SshKeyCountRecord.keys.does_not_exist() | (SshKeyCountRecord.keys < limit)
        counted = [SshKeyCountRecord.keys.add(1), SshKeyCountRecord.kind.set(SshKeyCountRecord)]
        return [
            insert(_record(ssh_key), asserts=""),
            insert(name, asserts=NAME_FREE),
            insert(fingerprint, asserts=FINGERPRINT_FREE),
            update(count, counted, room_left, asserts=ROOM_LEFT),
        ]

    def remove(self, ssh_key: SshKey) -> Sequence[DynamoWrite]:
        """Delete a key; see `SshKeyRecords.remove`."""
        count = SshKeyCountRecord(_partition(ssh_key.customer_id), "SSH_KEY_COUNT")
        return [
            delete(_record(ssh_key), SshKeyRecord.pk.exists(), asserts=KEY_THERE),
            *(delete(guard) for guard in _guards(ssh_key)),
            update(count, [SshKeyCountRecord.keys.add(-1)]),
        ]


def _guards(ssh_key: SshKey) -> tuple[SshKeyGuardRecord, SshKeyGuardRecord]:
    """Return the items that prevent a second key with this name, and a second copy of this key."""
    partition = _partition(ssh_key.customer_id)
    name, fingerprint = ssh_key.name.casefold(), ssh_key.key.fingerprint
    return (
        SshKeyGuardRecord(partition, f"SSH_KEY_NAME#{name}", ssh_key_id=ssh_key.id),
        SshKeyGuardRecord(partition, f"SSH_KEY_FINGERPRINT#{fingerprint}", ssh_key_id=ssh_key.id),
    )


def _partition(customer_id: str) -> str:
    return f"CUSTOMER#{customer_id}"


def _record(ssh_key: SshKey) -> SshKeyRecord:
    return SshKeyRecord(
        _partition(ssh_key.customer_id),
        _PREFIX + ssh_key.id,
        name=ssh_key.name,
        algorithm=ssh_key.key.algorithm.value,
        bits=ssh_key.key.bits,
        public_key=ssh_key.key.text,
        fingerprint=ssh_key.key.fingerprint,
        created_at=isoformat(ssh_key.created_at),
    )


def _ssh_key(customer_id: str, record: SshKeyRecord) -> SshKey:
    return SshKey(
        id=record.sk.removeprefix(_PREFIX),
        customer_id=customer_id,
        name=record.name,
        key=PublicKey(Algorithm(record.algorithm), record.bits, record.public_key, record.fingerprint),
        created_at=parse_isoformat(record.created_at),
    )
