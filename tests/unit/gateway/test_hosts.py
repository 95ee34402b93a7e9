"""Host headers: what is ours is answered, everything else is refused with the setting that would allow it."""

from __future__ import annotations

import pytest

from sluice_common.kit.errors import Problem
from sluice_gateway.http.hosts import check


@pytest.mark.parametrize(
    "host",
    [
        "localhost", "localhost:8420", "LOCALHOST", "nas", "nas:80", "nas.local", "media.nas.lan", "app.localhost",
        "192.168.1.4", "127.0.0.1:8420", "[::1]", "[fe80::1]:8420", "sluice.example.org", "Sluice.Example.org.:443",
    ],
)  # fmt: skip
def test_allowed(host: str) -> None:
    """Addresses, single labels, the local endings and what is listed."""
    check([host], ["sluice.Example.org"])


@pytest.mark.parametrize(
    "host", ["evil.example", "sluice.example.org.evil.example", "local.evil.example", "nas.locale", "x.local.example"]
)
def test_refused(host: str) -> None:
    """Any other name is somebody else's, and the refusal names the setting."""
    with pytest.raises(Problem, match=r"gateway: \{hosts: \[") as refusal:
        check([host], ["sluice.example.org"])
    assert refusal.value.status == 421


@pytest.mark.parametrize(
    "hosts",
    [
        [], ["localhost", "localhost"], [""], ["a b"], ["local host:80"], ["nas:80:80"], ["nas:x"], ["[::1"], ["::1]"],
        ["[nas]"], ["nas/x"], ["user@nas"], ["nas\n"], ["-nas"], [".local"], ["a..local"], ["x" * 300], ["[::1]x"],
    ],
)  # fmt: skip
def test_nonsense(hosts: list[str]) -> None:
    """What is no host at all, or more than one, is a bad request."""
    with pytest.raises(Problem) as refusal:
        check(hosts, [])
    assert refusal.value.code == "bad_host"
