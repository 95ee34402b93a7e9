"""Every adapter asks the guard of the running command before what changes something, and only then."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from sluice_client_poller.adapters import guard
from sluice_client_poller.adapters.deluge import wire as deluge
from sluice_client_poller.adapters.deluge.client import DelugeAdapter
from sluice_client_poller.adapters.qbittorrent.access import Access
from sluice_client_poller.adapters.transmission import wire as transmission
from sluice_client_poller.adapters.transmission.client import TransmissionAdapter
from sluice_common.kit.clock import SYSTEM_CLOCK
from sluice_common.kit.errors import ClientUnavailable, Fenced
from sluice_common.kit.settings import ClientSettings

SETTINGS = ClientSettings(type="deluge", url="http://127.0.0.1:1")  # where nobody listens
Call = Callable[[], Awaitable[object]]


def stale() -> None:
    """The check of a command whose lease was lost."""
    raise Fenced("the test says so")


def calls(kind: str) -> tuple[Call, Call]:
    """A change and a look, where each adapter's requests pass; what is sent at all fails as unreachable."""
    if kind == "qbittorrent":
        access = Access(SETTINGS, SYSTEM_CLOCK, timeout=5)
        return lambda: access.post("torrents/stop", {}), lambda: access.get("app/version")
    if kind == "deluge":
        web = DelugeAdapter("deluge", SETTINGS)
        return lambda: web._ask("core.pause_torrent"), lambda: web._ask("core.get_session_state")
    adapter = TransmissionAdapter("transmission", SETTINGS)
    return lambda: adapter._ask("torrent-stop"), lambda: adapter._ask("torrent-get")


@pytest.mark.parametrize("kind", ["qbittorrent", "transmission", "deluge"])
async def test_a_stale_lease_sends_no_change(kind: str) -> None:
    """Looking may go on; outside of the command, and with a fresh lease, so may changes."""
    change, look = calls(kind)
    with guard.guarded(stale):
        with pytest.raises(Fenced):
            await change()
        with pytest.raises(ClientUnavailable):
            await look()
    with guard.guarded(lambda: None), pytest.raises(ClientUnavailable):
        await change()
    with pytest.raises(ClientUnavailable):
        await change()


@pytest.mark.parametrize("kind", ["qbittorrent", "transmission", "deluge"])
async def test_a_change_that_never_left_says_so(kind: str) -> None:
    """Nobody listens there, so that nothing was changed; of a look nobody asks."""
    for call, unsent in zip(calls(kind), (True, False), strict=True):
        with pytest.raises(ClientUnavailable) as refused:
            await call()
        assert refused.value.unsent is unsent


@pytest.mark.parametrize(
    ("method", "looks"),
    [
        ("torrent-get", True),
        ("session-get", True),
        ("session-stats", True),
        ("free-space", True),
        ("torrent-add", False),
        ("torrent-set", False),
        ("torrent-remove", False),
        ("session-set", False),
        ("queue-move-top", False),
    ],
)
def test_what_only_looks_at_transmission(method: str, looks: bool) -> None:
    """By its name; what is not known to look counts as a change."""
    assert transmission.only_looks(method) is looks


@pytest.mark.parametrize(
    ("method", "looks"),
    [
        ("auth.login", True),
        ("web.connect", True),
        ("core.get_torrents_status", True),
        ("label.get_labels", True),
        ("system.listMethods", True),
        ("daemon.get_version", True),
        ("core.add_torrent_magnet", False),
        ("core.remove_torrent", False),
        ("core.set_config", False),
        ("core.enable_plugin", False),
        ("label.add", False),
        ("label.set_torrent", False),
    ],
)
def test_what_only_looks_at_deluge(method: str, looks: bool) -> None:
    """By its name; what is not known to look counts as a change."""
    assert deluge.only_looks(method) is looks
