"""Which addresses a stranger's URL may lead to."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice_common.net.addresses import refusal


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("127.0.0.1", "loopback"), ("127.255.255.254", "loopback"), ("::1", "loopback"),
        ("10.0.0.5", "private"), ("172.16.0.1", "private"), ("172.31.255.255", "private"), ("192.168.1.1", "private"),
        ("fd00::1", "private"), ("fc00::1", "private"), ("fec0::1", "site-local"),
        ("169.254.169.254", "link-local"), ("fe80::1", "link-local"), ("fe80::1%eth0", "link-local"),
        ("100.64.0.1", "CGNAT"), ("100.127.255.255", "CGNAT"),
        ("224.0.0.1", "multicast"), ("239.255.255.250", "multicast"), ("ff0e::1", "multicast"),
        ("0.0.0.0", "unspecified"), ("::", "unspecified"),  # noqa: S104 - nothing is bound
        ("::ffff:127.0.0.1", "IPv4-mapped"), ("::ffff:8.8.8.8", "IPv4-mapped"), ("::127.0.0.1", "IPv4-compatible"),
        ("64:ff9b::a00:5", "NAT64"), ("64:ff9b:1::a00:5", "NAT64"), ("64:ff9b::808:808", "NAT64"),
        ("2002:a00:5::1", "6to4"), ("192.88.99.1", "6to4"), ("2001:0:53aa:64c::1", "Teredo"),
        ("240.0.0.1", "reserved"), ("255.255.255.255", "reserved"), ("5f00::1", "reserved"),
        ("192.0.2.1", "not a public"), ("198.18.0.1", "not a public"), ("203.0.113.9", "not a public"),
        ("2001:db8::1", "not a public"), ("3fff::1", "documentation"), ("192.0.0.1", "not a public"),
        ("localhost", "not an address"), ("", "not an address"), ("10.0.0.5/8", "not an address"),
    ],
)  # fmt: skip
def test_what_is_not_public_is_refused_by_name(address: str, why: str) -> None:
    """Every kind of address that leads into somebody's own network is refused, and the refusal says which it is."""
    found = refusal(address, [])
    assert found is not None
    assert why in found


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "2606:4700:4700::1111", "2a00:1450:4001::1", "172.32.0.1"])
def test_public_addresses_pass(address: str) -> None:
    """The internet can be reached without any configuration."""
    assert refusal(address, []) is None


@pytest.mark.parametrize(
    ("address", "allow", "host"),
    [
        ("10.0.0.5", ["10.0.0.5"], None),
        ("10.0.0.5", ["10.0.0.0/8"], None),
        ("10.0.0.5", ["10.0.0.7/8"], None),
        ("fd00::7", ["fd00::/8"], None),
        ("::1", ["[::1]"], None),
        ("::ffff:10.0.0.5", ["10.0.0.5"], None),
        ("10.0.0.5", ["prowlarr"], "prowlarr"),
        ("10.0.0.5", ["Prowlarr.LAN."], "prowlarr.lan"),
    ],
)
def test_what_the_configuration_allows_passes(address: str, allow: list[str], host: str | None) -> None:
    """An allowed address, network or host name (in any case, with or without the final dot) is let through."""
    assert refusal(address, allow, host) is None


@pytest.mark.parametrize(
    ("address", "allow", "host"),
    [
        ("10.0.0.6", ["10.0.0.5"], None),
        ("192.168.1.1", ["10.0.0.0/8"], None),
        ("10.0.0.5", ["prowlarr"], "evil-prowlarr"),
        ("10.0.0.5", ["prowlarr"], None),
        ("10.0.0.5", [""], ""),
        ("64:ff9b::a00:5", ["10.0.0.5"], None),
    ],
)
def test_an_allowance_lets_nothing_else_through(address: str, allow: list[str], host: str | None) -> None:
    """Allowing one thing does not allow its neighbour, a name that ends alike, or a tunnel to it."""
    assert refusal(address, allow, host) is not None


@given(st.ip_addresses())
def test_no_address_that_passes_is_known_to_be_special(ip: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    """Whatever the standard library calls private, loopback, link-local, multicast or reserved never passes."""
    if refusal(str(ip), []) is None:
        assert ip.is_global
        assert not any((ip.is_private, ip.is_loopback, ip.is_link_local, ip.is_multicast, ip.is_reserved))
