"""Devices that request a session."""

from collections.abc import Sequence

from pynamodb.attributes import BooleanAttribute, UnicodeAttribute

from chalicelib.adapters.dynamodb.table import IntegerAttribute, OptionalText, Record
from chalicelib.adapters.dynamodb.transactor import delete, insert, put, update
from chalicelib.domain.people.sign_in.models import Answer, DeviceSignIn
from chalicelib.kernel.clock import epoch_seconds, from_epoch_seconds, isoformat, parse_isoformat
from chalicelib.kernel.transactions import Write


class DeviceSignInRecord(Record, discriminator="DEVICE_SIGN_IN"):
    """`DEVICE_SIGN_IN#<hash of its code>` / `DEVICE_SIGN_IN`: a device that requests a session."""

    user_code = UnicodeAttribute()
    client_name = UnicodeAttribute()
    ip = UnicodeAttribute()
    requested_at = UnicodeAttribute()
    answer = UnicodeAttribute()
    user_id = OptionalText()
    customer_id = OptionalText()
    password_version = IntegerAttribute(default=0)
    has_second_factor = BooleanAttribute(default=False)
    interval_seconds = IntegerAttribute()
    polled_at = OptionalText()


class UserCodeRecord(Record, discriminator="USER_CODE"):
    """`USER_CODE#<code>` / `USER_CODE`: the device that shows it; deleted when the user has answered."""

    code_hash = UnicodeAttribute()


class DynamoDeviceSignIns:
    """`DeviceSignIns`: one item per request, and one per user code."""

    def get(self, code_hash: str) -> DeviceSignIn | None:
        """The request; see `DeviceSignIns.get`."""
        try:
            return _request(DeviceSignInRecord.get(*_key(code_hash), consistent_read=True))
        except DeviceSignInRecord.DoesNotExist:
            return None

    def of_user_code(self, user_code: str) -> DeviceSignIn | None:
        """The request with this user code; see `DeviceSignIns.of_user_code`."""
        try:
            code_hash = UserCodeRecord.get(*_user_code_key(user_code), consistent_read=True).code_hash
        except UserCodeRecord.DoesNotExist:
            return None
        return self.get(code_hash)

    def insert(self, request: DeviceSignIn) -> Sequence[Write]:
        """Add a request; see `DeviceSignIns.insert`."""
        expires_at = epoch_seconds(request.expires_at)
        record = DeviceSignInRecord(
            *_key(request.code_hash),
            user_code=request.user_code,
            client_name=request.client_name,
            ip=request.ip,
            requested_at=isoformat(request.requested_at),
            answer=request.answer.value,
            interval_seconds=request.interval_seconds,
            expires_at=expires_at,
        )
        pointer = UserCodeRecord(
            *_user_code_key(request.user_code), code_hash=request.code_hash, expires_at=expires_at
        )
        is_free = UserCodeRecord.pk.does_not_exist() | (
            UserCodeRecord.expires_at <= epoch_seconds(request.requested_at)
        )
        return insert(record, "device_code_is_new"), put(pointer, is_free, "user_code_is_free")

    def answer(self, request: DeviceSignIn) -> Sequence[Write]:
        """Store the user's answer; see `DeviceSignIns.answer`."""
        answered = update(
            DeviceSignInRecord(*_key(request.code_hash)),
            [
                DeviceSignInRecord.answer.set(request.answer.value),
                DeviceSignInRecord.user_id.set(request.user_id),
                DeviceSignInRecord.customer_id.set(request.customer_id),
                DeviceSignInRecord.password_version.set(request.password_version),
                DeviceSignInRecord.has_second_factor.set(request.has_second_factor),
            ],
            DeviceSignInRecord.answer == Answer.WAITING.value,
            "device_is_waiting",
        )
        return answered, delete(UserCodeRecord(*_user_code_key(request.user_code)))

    def poll(self, request: DeviceSignIn) -> Write:
        """Record that the device polled; see `DeviceSignIns.poll`."""
        polled_at = isoformat(request.polled_at) if request.polled_at else None
        return update(
            DeviceSignInRecord(*_key(request.code_hash)),
            [
                DeviceSignInRecord.interval_seconds.set(request.interval_seconds),
                DeviceSignInRecord.polled_at.set(polled_at),
            ],
            DeviceSignInRecord.pk.exists(),
            "device_is_known",
        )

    def spend(self, request: DeviceSignIn) -> Write:
        """Delete the request; see `DeviceSignIns.spend`."""
        record = DeviceSignInRecord(*_key(request.code_hash))
        return delete(record, DeviceSignInRecord.pk.exists(), "device_is_known")


def _key(code_hash: str) -> tuple[str, str]:
    return f"DEVICE_SIGN_IN#{code_hash}", "DEVICE_SIGN_IN"


def _user_code_key(user_code: str) -> tuple[str, str]:
    return f"USER_CODE#{user_code}", "USER_CODE"


def _request(record: DeviceSignInRecord) -> DeviceSignIn:
    return DeviceSignIn(
        code_hash=record.pk.partition("#")[2],
        user_code=record.user_code,
        client_name=record.client_name,
        ip=record.ip,
        requested_at=parse_isoformat(record.requested_at),
        expires_at=from_epoch_seconds(record.expires_at or 0),
        answer=Answer(record.answer),
        user_id=record.user_id or "",
        customer_id=record.customer_id or "",
        password_version=record.password_version,
        has_second_factor=record.has_second_factor,
        interval_seconds=record.interval_seconds,
        polled_at=parse_isoformat(record.polled_at) if record.polled_at else None,
    )
