"""Every change on the real Deluge, seen through deluge-web by a log-in of the test's own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar

import httpx
import pytest
from typing_extensions import override

from clients.asking import adapter_for, eventually, row
from clients.edit_suite import EditSuite, Told
from clients.frozen_suite import FrozenSuite
from sluice_client_poller.adapters.port import Adapter, NewDownload
from sluice_common.kit.errors import Problem
from sluice_common.model.edits import (
    AddPeers,
    ForceStart,
    Limits,
    Move,
    PauseAll,
    Place,
    QueueMove,
    ResumeAll,
)
from sluice_common.model.enums import State
from sluice_common.net.tls import trusted
from support.clients import RealClient
from support.edit_abilities import EditAbility, Why
from support.torrents import make_content, make_torrent

pytestmark = pytest.mark.client

WAITING = ("Paused", "Queued", "Checking", "Error")
KEYS = [
    "name", "save_path", "state", "label", "auto_managed", "queue", "max_download_speed", "max_upload_speed",
    "stop_at_ratio", "stop_ratio", "file_priorities", "trackers", "sequential_download", "prioritize_first_last_pieces",
]  # fmt: skip


class TestDelugeEdits(FrozenSuite, EditSuite):
    """The suite of edits. A category is a label, and what is not auto-managed is forced."""

    CLIENT = "deluge"
    CANNOT: ClassVar[Mapping[EditAbility, Why]] = {
        EditAbility.TAGS: "it has one label",
        EditAbility.SEEDING_TIME: "it knows only a ratio",
        EditAbility.RENAME: "it tells no other name, so that nobody would know where the data is",
        EditAbility.ADD_TAGS: "it has one label",
        EditAbility.ALTERNATIVE: "it has one set of limits",
    }

    @override
    def told(self, client: RealClient, download_id: str) -> Told:
        """From its status."""
        with _own(client) as http:
            found = _ask(http, "core.get_torrent_status", download_id, KEYS)
        return Told(
            name=found["name"],
            save_path=found["save_path"],
            active=found["state"] not in WAITING,
            category=found["label"] or None,
            forced=not found["auto_managed"],
            queue=found["queue"],
            download_limit=_limit(found["max_download_speed"]),
            upload_limit=_limit(found["max_upload_speed"]),
            ratio=found["stop_ratio"] if found["stop_at_ratio"] else None,
            wanted=tuple(priority > 0 for priority in found["file_priorities"]),
            trackers=frozenset(tracker["url"] for tracker in found["trackers"]),
            sequential=found["sequential_download"],
            first_last=found["prioritize_first_last_pieces"],
        )

    @override
    def told_limits(self, client: RealClient) -> Limits:
        """From its configuration."""
        with _own(client) as http:
            download, upload = (
                _limit(_ask(http, "core.get_config_value", name)) for name in ("max_download_speed", "max_upload_speed")
            )
        return Limits(download=download, upload=upload)

    @override
    def held(self, client: RealClient) -> set[str]:
        """From its session."""
        with _own(client) as http:
            return set(_ask(http, "core.get_session_state"))

    @override
    def let_one_download(self, client: RealClient) -> None:
        """By its configuration."""
        with _own(client) as http:
            _ask(http, "core.set_config", {"max_active_downloading": 1, "max_active_limit": 1})

    async def test_a_move_that_fails(self, adapter: Adapter, client: RealClient) -> None:
        """It says nothing of a folder that cannot be made; the adapter says that nothing moved."""
        torrent = make_torrent(make_content(client.download_dir, "Unmovable.mkv", 50_000))
        await adapter.add(NewDownload(torrent=torrent.data))
        await eventually(lambda: row(adapter, torrent.id), lambda found: found.is_complete)
        for target, code in (
            ("relative", "save_path_invalid"),
            (f"{client.directory}/core.conf/below", "client_refused"),
        ):
            with pytest.raises(Problem) as refused:
                await adapter.alter(torrent.id, Move(save_path=target))
            assert refused.value.code == code
            assert self.told(client, torrent.id).save_path == str(client.download_dir)

    async def test_what_has_finished_is_in_no_queue(self, adapter: Adapter, client: RealClient) -> None:
        """It would take the move and do nothing."""
        torrent = make_torrent(make_content(client.download_dir, "Unqueued.mkv", 50_000))
        await adapter.add(NewDownload(torrent=torrent.data))
        await eventually(lambda: row(adapter, torrent.id), lambda found: found.is_complete)
        with pytest.raises(Problem, match="not_queued"):
            await adapter.alter(torrent.id, QueueMove(to=Place.TOP))

    @pytest.mark.parametrize("peer", ["somewhere:6881", "127.0.0.1", "127.0.0.1:0", "::1:6881", "[127.0.0.1:1"])
    async def test_a_peer_that_is_none(self, adapter: Adapter, peer: str) -> None:
        """It would pass over it without a word."""
        download_id = await self.stopped(adapter)
        with pytest.raises(Problem, match="peer_invalid"):
            await adapter.alter(download_id, AddPeers(peers=(peer,)))

    async def test_a_paused_session_is_resumed_too(self, own_client: RealClient) -> None:
        """Its own "pause all" stops the session, in which nothing else could be started."""
        async with adapter_for(own_client) as adapter:
            download_id = await self.stopped(adapter)
            await adapter.control(PauseAll())
            with _own(own_client) as http:
                _ask(http, "core.pause_session")
            await adapter.control(ResumeAll())
            await self.says(own_client, download_id, active=True)

    async def test_what_is_paused_can_be_forced_and_keeps_that_when_it_is_paused(self, own_client: RealClient) -> None:
        """Forced it transfers; a pause does not take back that it need not wait for its turn."""
        async with adapter_for(own_client) as adapter:
            download_id = await self.stopped(adapter)
            assert not (await row(adapter, download_id)).forced
            await adapter.alter(download_id, ForceStart())
            await self.says(own_client, download_id, active=True, forced=True)
            await adapter.pause(download_id)
            await eventually(lambda: row(adapter, download_id), lambda found: found.state is State.PAUSED)
            assert (await row(adapter, download_id)).forced


@contextmanager
def _own(client: RealClient) -> Iterator[httpx.Client]:
    """A log-in of the test's own, connected to the daemon."""
    with httpx.Client(base_url=client.url, timeout=30, verify=trusted()) as http:
        assert _ask(http, "auth.login", client.password)
        if not _ask(http, "web.connected"):
            _ask(http, "web.connect", _ask(http, "web.get_hosts")[0][0])
        yield http


def _ask(http: httpx.Client, method: str, *params: object) -> Any:
    reply = http.post("/json", json={"method": method, "params": params, "id": 1}).raise_for_status().json()
    assert reply["error"] is None, reply["error"]
    return reply["result"]


def _limit(told: float) -> int | None:
    return int(told * 1024) if told > 0 else None
