"""The devices that a user signs in from, so that the user is notified of a sign-in from a new one."""

import re
from collections.abc import Sequence
from datetime import datetime
from ipaddress import ip_address, ip_network

from chalicelib.domain.people.accounts.models import Letter, LetterKind, Origin, User
from chalicelib.domain.people.accounts.ports import Letters
from chalicelib.domain.people.sign_in.models import KnownDevice
from chalicelib.domain.people.sign_in.ports import KnownDevices
from chalicelib.kernel.dataclasses import dataclass
from chalicelib.kernel.hashing import hash_of
from chalicelib.kernel.ids import Kind, new_id
from chalicelib.kernel.transactions import Write

MAX_DEVICES_PER_USER = 20
_UNKNOWN = "Unknown device"
_MAX_NAME_LENGTH = 60
_NETWORK_BITS = {4: 24, 6: 48}
"""The prefix that stays the same when a connection gets another address: roughly one access line or one site."""
_PROGRAMS = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
"""In order of precedence: a program in this list also claims to be those after it."""
_SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("CrOS", "ChromeOS"),
    ("Windows", "Windows"),
    ("Macintosh", "macOS"),
    ("Linux", "Linux"),
)
_PRODUCT = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+)")
"""The first product token of a User-Agent (RFC 9110, section 10.1.5)."""


def device_name(user_agent: str) -> str:
    """Return a readable name of the client with `user_agent`: `Firefox on Linux`, `curl`, …"""
    program = next((name for sign, name in _PROGRAMS if sign in user_agent), "")
    if not program:
        product = _PRODUCT.match(user_agent)
        return product[1][:_MAX_NAME_LENGTH] if product else _UNKNOWN
    system = next((name for sign, name in _SYSTEMS if sign in user_agent), "")
    return f"{program} on {system}" if system else program


@dataclass(frozen=True)
class Recognition:
    """Whether a sign-in came from a new device, with the Writes that remember the device and notify the user."""

    is_new: bool
    writes: Sequence[Write]


class Recogniser:
    """Compares a sign-in with earlier ones."""

    def __init__(self, devices: KnownDevices, letters: Letters) -> None:
        self._devices = devices
        self._letters = letters

    def recognise(self, user: User, origin: Origin, now: datetime) -> Recognition:
        """Return whether `origin` is new for `user`. The first sign-in of a user is never new: there is nothing to
        compare.
        """
        known = [device for device in self._devices.all_of(user.id) if not device.is_forgotten(now)]
        device = KnownDevice(_fingerprint(user.id, origin), now)
        others = [other for other in known if other.fingerprint != device.fingerprint]
        is_new = bool(others) and len(others) == len(known)
        writes = [self._devices.keep(user.id, device), *self._evictions(user.id, others)]
        if is_new:
            writes.append(self._letters.add(_letter(user, origin, now)))
        return Recognition(is_new, writes)

    def _evictions(self, user_id: str, others: Sequence[KnownDevice]) -> Sequence[Write]:
        """Return Writes that delete the devices unused for longest, if one more would exceed the limit."""
        by_age = sorted(others, key=lambda other: other.last_seen_at)
        surplus = by_age[: max(0, len(by_age) + 1 - MAX_DEVICES_PER_USER)]
        return [self._devices.forget(user_id, other.fingerprint) for other in surplus]


def _letter(user: User, origin: Origin, now: datetime) -> Letter:
    values = {
        "device": device_name(origin.user_agent),
        "address": origin.ip,
        "time": now.strftime("%Y-%m-%d %H:%M UTC"),
    }
    return Letter(new_id(Kind.LETTER, now), LetterKind.NEW_DEVICE, user.email, now, values)


def _fingerprint(user_id: str, origin: Origin) -> str:
    """Return a hash that is equal for the same kind of client in the same network, and reveals neither."""
    return hash_of(f"{user_id}:{device_name(origin.user_agent)}:{_network(origin.ip)}")


def _network(ip: str) -> str:
    try:
        address = ip_address(ip)
    except ValueError:  # a test invocation from API Gateway's console has no address
        return ip
    return str(ip_network((address, _NETWORK_BITS[address.version]), strict=False))
