"""Whose an address is, as far as it tells by itself."""

from ipaddress import ip_address, ip_network

_IPV6_SITE_BITS = 64
"""What one subscriber has at least (RFC 6177), and picks addresses from freely."""


def site_of(ip: str) -> str:
    """The address itself, or the /64 that an IPv6 address is in: who calls from it counts as one.

    What is no address (a test invocation from the gateway's console has none) is a site of its own.
    """
    try:
        address = ip_address(ip)
    except ValueError:
        return ip
    return str(address if address.version == 4 else ip_network((address, _IPV6_SITE_BITS), strict=False))
