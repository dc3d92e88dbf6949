"""Networks that keys may be used from: CIDR rules for IPv4 (RFC 4632) and IPv6 (RFC 4291)."""

import re
from collections.abc import Collection
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

MAX_RULES = 50
MAX_CIDR_LENGTH = 49
"""The longest IPv6 address, with an IPv4 address at its end, and a prefix length."""
MAX_NOTE_LENGTH = 100
Network = IPv4Network | IPv6Network
_FORM = re.compile(r"[0-9A-Fa-f:.]+(/\d{1,3})?", re.ASCII)
_HELP = "Write a network such as 203.0.113.0/24 or 2001:db8::/32, or a single address."
_MAPPED_BITS = 96  # RFC 4291, section 2.5.5.2: an IPv4 address stands in the last 32 bits of ::ffff:0:0/96


class InvalidNetwork(ValueError):
    """The text is not a network; the message says how to write one."""


def normalised(text: str) -> str:
    """Return the normal form of a network: a single address gets a prefix length, IPv4-mapped IPv6 becomes IPv4.

    Raises:
        InvalidNetwork: `text` is not a network, or is an address inside a network, which is ambiguous.
    """
    if not _FORM.fullmatch(text):
        raise InvalidNetwork(_HELP)
    written = text.partition("/")[0]
    try:
        address, network = ip_address(written), ip_network(text, strict=False)
    except ValueError:
        raise InvalidNetwork(_HELP) from None
    if address != network.network_address:
        raise InvalidNetwork(
            f"{text} is an address inside a network: write {network} for all of it, or {written} for the address."
        )
    return str(_unmapped(network))


def lets_in(cidrs: Collection[str], ip: str) -> bool:
    """Whether the address `ip` is in one of `cidrs`; True if `cidrs` is empty."""
    if not cidrs:
        return True
    try:
        address = _unmapped_address(ip_address(ip))
    except ValueError:  # test invocations from API Gateway's console have no address
        return False
    return any(address in ip_network(cidr) for cidr in cidrs)


def covers(outer: Collection[str], inner: Collection[str]) -> bool:
    """Whether every network in `inner` lies in one network of `outer`.

    A network in `inner` that only several networks of `outer` cover together counts as not covered.
    """
    if not outer:
        return True
    around = [ip_network(cidr) for cidr in outer]
    return bool(inner) and all(_is_within(ip_network(cidr), around) for cidr in inner)


def _is_within(network: Network, around: Collection[Network]) -> bool:
    return any(
        network.version == other.version
        and network.network_address in other
        and network.prefixlen >= other.prefixlen
        for other in around
    )


def _unmapped(network: Network) -> Network:
    if isinstance(network, IPv6Network) and network.prefixlen >= _MAPPED_BITS:
        mapped = network.network_address.ipv4_mapped
        if mapped is not None:
            return IPv4Network((mapped, network.prefixlen - _MAPPED_BITS))
    return network


def _unmapped_address(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address
