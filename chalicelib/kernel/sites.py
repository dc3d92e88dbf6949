"""Groups IP addresses by the network that they belong to."""

from ipaddress import ip_address, ip_network

_IPV6_SITE_BITS = 64
"""A subscriber has at least a /64 (RFC 6177) and can use any address in it."""


def site_of(ip: str) -> str:
    """The network that `ip` counts as: an IPv4 address is its own, an IPv6 address counts as its /64.

    Text that is not an address is returned as it is: a test invocation from the gateway's console has none.
    """
    try:
        address = ip_address(ip)
    except ValueError:
        return ip
    return str(address if address.version == 4 else ip_network((address, _IPV6_SITE_BITS), strict=False))
