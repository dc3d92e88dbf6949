"""What signing in needs from outside."""

from collections.abc import Sequence
from typing import Protocol

from chalicelib.domain.people.sign_in.models import DeviceSignIn, FailedSignIn, KnownDevice
from chalicelib.kernel.transactions import Write


class KnownDevices(Protocol):
    """Devices by their user."""

    def all_of(self, user_id: str) -> Sequence[KnownDevice]:
        """The user's, as last written, in no order; at most 100."""
        ...

    def keep(self, user_id: str, device: KnownDevice) -> Write:
        """Remember `device`, or when it was seen last."""
        ...

    def forget(self, user_id: str, fingerprint: str) -> Write:
        """Remove a device."""
        ...


class DeviceSignIns(Protocol):
    """Devices that wait."""

    def get(self, code_hash: str) -> DeviceSignIn | None:
        """The request with this code, as last written."""
        ...

    def of_user_code(self, user_code: str) -> DeviceSignIn | None:
        """The request with this user code, unless it was answered."""
        ...

    def insert(self, request: DeviceSignIn) -> Sequence[Write]:
        """Keep a new request; asserts `user_code_is_free`."""
        ...

    def answer(self, request: DeviceSignIn) -> Sequence[Write]:
        """Keep what the user said, and spend the user code; asserts `device_is_waiting`."""
        ...

    def poll(self, request: DeviceSignIn) -> Write:
        """Note when the device asked last, and how often it may; asserts `device_is_known`."""
        ...

    def spend(self, request: DeviceSignIn) -> Write:
        """Forget the request; asserts `device_is_known`."""
        ...


class FailedSignIns(Protocol):
    """Failures that wait to be noted. Adding one starts that (through the table's stream)."""

    def add(self, failure: FailedSignIn) -> Write:
        """Keep `failure` until it is noted."""
        ...

    def get(self, request_id: str) -> FailedSignIn | None:
        """The failure, unless it was noted."""
        ...

    def done(self, request_id: str) -> Write:
        """Forget the failure."""
        ...
