"""Which addresses a URL that somebody gave us may lead to. Pure: no socket, no resolver."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

# `is_global` is true for multicast and for every prefix that hides an IPv4 address, so these are named, and the rest
# is asked of the standard library. Sources: the IANA special-purpose registries; RFC 6052, 8215, 3056, 4380, 6598.
_NAMED: tuple[tuple[Network, str], ...] = tuple(
    (ipaddress.ip_network(network), kind)
    for network, kind in (
        ("127.0.0.0/8", "a loopback address"),
        ("::1/128", "a loopback address"),
        ("10.0.0.0/8", "a private address"),
        ("172.16.0.0/12", "a private address"),
        ("192.168.0.0/16", "a private address"),
        ("fc00::/7", "a private address"),
        ("fec0::/10", "a site-local address"),
        ("169.254.0.0/16", "a link-local address"),
        ("fe80::/10", "a link-local address"),
        ("100.64.0.0/10", "a shared address (CGNAT)"),
        ("224.0.0.0/4", "a multicast address"),
        ("ff00::/8", "a multicast address"),
        ("0.0.0.0/8", "an unspecified address"),
        ("::/128", "an unspecified address"),
        ("::ffff:0:0/96", "an IPv4-mapped address"),
        ("::ffff:0:0:0/96", "an IPv4-translated address"),
        ("::/96", "an IPv4-compatible address"),
        ("64:ff9b::/96", "a NAT64 address"),
        ("64:ff9b:1::/48", "a NAT64 address"),
        ("2002::/16", "a 6to4 address"),
        ("192.88.99.0/24", "a 6to4 relay"),
        ("2001::/32", "a Teredo address"),
        ("240.0.0.0/4", "a reserved address"),
        ("5f00::/16", "a reserved address"),
        ("3fff::/20", "a documentation address"),
    )
)


_UNICAST = ipaddress.ip_network("2000::/3")  # all the global unicast space of IPv6 that was ever given out


def refusal(address: str, allow: Sequence[str], host: str | None = None) -> str | None:
    """Why we do not connect to `address` (`a private address`), or None when we may.

    `allow` holds host names, addresses and networks in CIDR; `host` is the name that led to the address, if any.
    """
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return "not an address"
    if _allowed(ip, allow, host):
        return None
    for network, kind in _NAMED:
        if ip in network:
            return kind
    unicast = ip.version == 4 or ip in _UNICAST
    return None if ip.is_global and unicast else "not a public address"


def _allowed(ip: Address, allow: Sequence[str], host: str | None) -> bool:
    if host and _name(host) in {_name(entry) for entry in allow}:
        return True
    mapped = ip.ipv4_mapped if isinstance(ip, IPv6Address) else None
    networks = [network for network in map(_network, allow) if network is not None]
    return any(ip in network or (mapped is not None and mapped in network) for network in networks)


def _name(host: str) -> str:
    return host.strip().lower().rstrip(".").strip("[]")


def _network(entry: str) -> Network | None:
    try:
        return ipaddress.ip_network(_name(entry), strict=False)
    except ValueError:
        return None
