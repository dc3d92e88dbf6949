"""Ports of signing in."""

from collections.abc import Sequence
from typing import Protocol

from chalicelib.domain.people.sign_in.models import DeviceSignIn, FailedSignIn, KnownDevice
from chalicelib.kernel.transactions import Write


class KnownDevices(Protocol):
    """Known devices, by user."""

    def all_of(self, user_id: str) -> Sequence[KnownDevice]:
        """Return the user's devices (strongly consistent), in no order; at most 100."""
        ...

    def keep(self, user_id: str, device: KnownDevice) -> Write:
        """Store `device` and when it was last seen."""
        ...

    def forget(self, user_id: str, fingerprint: str) -> Write:
        """Delete a device."""
        ...


class DeviceSignIns(Protocol):
    """Devices that request a session."""

    def get(self, code_hash: str) -> DeviceSignIn | None:
        """Return the request with this device code (strongly consistent)."""
        ...

    def of_user_code(self, user_code: str) -> DeviceSignIn | None:
        """Return the request with this user code, or None if it was answered."""
        ...

    def insert(self, request: DeviceSignIn) -> Sequence[Write]:
        """Store a new request; asserts `user_code_is_free`."""
        ...

    def answer(self, request: DeviceSignIn) -> Sequence[Write]:
        """Store the user's answer and delete the user code; asserts `device_is_waiting`."""
        ...

    def poll(self, request: DeviceSignIn) -> Write:
        """Store when the device last polled and its polling interval; asserts `device_is_known`."""
        ...

    def spend(self, request: DeviceSignIn) -> Write:
        """Delete the request; asserts `device_is_known`."""
        ...


class FailedSignIns(Protocol):
    """Failed sign-ins that wait to be logged. A consumer of the table's stream logs each one that is added."""

    def add(self, failure: FailedSignIn) -> Write:
        """Store `failure` until it is logged."""
        ...

    def get(self, request_id: str) -> FailedSignIn | None:
        """Return the failure, or None if it was logged."""
        ...

    def done(self, request_id: str) -> Write:
        """Delete the failure."""
        ...
