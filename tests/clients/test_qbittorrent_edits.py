"""Every change on the real qBittorrent, seen in its own WebAPI."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import httpx
import pytest
from typing_extensions import override

from clients.asking import Downloads, adapter_for
from clients.edit_suite import AlternativeLimitsSuite, EditSuite, Told
from clients.frozen_suite import FrozenSuite
from sluice_client_poller.adapters.port import Adapter, NewDownload
from sluice_common.kit.errors import Problem
from sluice_common.model.edits import (
    EditTrackers,
    ForceStart,
    GlobalLimits,
    Limits,
    Move,
    Place,
    QueueMove,
    SetLimits,
)
from sluice_common.net.tls import trusted
from support.clients import HOST, RealClient
from support.swarm import Swarm
from support.torrents import make_content

pytestmark = pytest.mark.client

_STOPPED_OR_WAITING = ("paused", "stopped", "queued", "checking")
_SESSIONS: WeakKeyDictionary[RealClient, httpx.Cookies] = WeakKeyDictionary()
_BUILT_IN = ("** [DHT] **", "** [PeX] **", "** [LSD] **")  # listed among the trackers


class TestQbittorrentEdits(AlternativeLimitsSuite, FrozenSuite, EditSuite):
    """The suite of edits; there is nothing of it that qBittorrent cannot do."""

    CLIENT = "qbittorrent"

    @override
    def told(self, client: RealClient, download_id: str) -> Told:
        """From the list, the files and the trackers."""
        with _own(client) as http:
            (found,) = _json(http, "torrents/info", hashes=download_id)
            files = _json(http, "torrents/files", hash=download_id)
            trackers = {tracker["url"] for tracker in _json(http, "torrents/trackers", hash=download_id)}
        return Told(
            name=found["name"],
            save_path=found["save_path"].rstrip("/"),
            active=not found["state"].startswith(_STOPPED_OR_WAITING),
            category=found["category"] or None,
            tags=frozenset(tag.strip() for tag in found["tags"].split(",") if tag),
            forced=found["force_start"],
            queue=found["priority"],
            download_limit=_limit(found["dl_limit"]),
            upload_limit=_limit(found["up_limit"]),
            ratio=found["ratio_limit"] if found["ratio_limit"] >= 0 else None,
            seeding_time=found["seeding_time_limit"] * 60 if found["seeding_time_limit"] >= 0 else None,
            wanted=tuple(file["priority"] > 0 for file in files),
            trackers=frozenset(trackers.difference(_BUILT_IN)),
            sequential=found["seq_dl"],
            first_last=found["f_l_piece_prio"],
        )

    @override
    def told_limits(self, client: RealClient) -> Limits:
        """From its preferences, which hold the ordinary limits whatever is in force."""
        with _own(client) as http:
            preferences = _json(http, "app/preferences")
            mode = _json(http, "transfer/speedLimitsMode")
        download, upload = (_limit(preferences[name]) for name in ("dl_limit", "up_limit"))
        return Limits(download=download, upload=upload, alternative=mode == 1)

    @override
    def held(self, client: RealClient) -> set[str]:
        """From the list."""
        with _own(client) as http:
            return {found["hash"] for found in _json(http, "torrents/info")}

    @override
    def let_one_download(self, client: RealClient) -> None:
        """By its preferences."""
        one = dict.fromkeys(("max_active_downloads", "max_active_torrents", "max_active_uploads"), 1)
        with _own(client) as http:
            wanted = json.dumps({"queueing_enabled": True, "dont_count_slow_torrents": False, **one})
            http.post("app/setPreferences", data={"json": wanted}).raise_for_status()

    async def test_a_queue_that_is_off(self, adapter: Adapter) -> None:
        """Nothing has a place in it then: the refusal says what to switch on."""
        download_id = await self.stopped(adapter)
        with pytest.raises(Problem, match="switch on torrent queueing"):
            await adapter.alter(download_id, QueueMove(to=Place.TOP))

    async def test_a_complete_one_has_no_place_in_the_queue(
        self, own_client: RealClient, swarm: Swarm, tmp_path: Path
    ) -> None:
        """The client says yes and does nothing."""
        torrent = swarm.seed(make_content(tmp_path, "Complete.mkv", 50_000))
        self.let_one_download(own_client)
        async with adapter_for(own_client) as adapter:
            await adapter.add(NewDownload(torrent=torrent.data))
            await Downloads(swarm, own_client).complete(adapter, torrent.id)
            with pytest.raises(Problem, match="not_queued"):
                await adapter.alter(torrent.id, QueueMove(to=Place.TOP))

    async def test_a_stopped_one_is_not_started_by_less_force(self, adapter: Adapter, client: RealClient) -> None:
        """Given back to the queue, which the client would take as a start."""
        download_id = await self.stopped(adapter)
        await adapter.alter(download_id, ForceStart(on=False))
        assert not self.told(client, download_id).active

    async def test_a_folder_that_cannot_be(self, adapter: Adapter, client: RealClient) -> None:
        """A move is refused in the client's words, and the download stays where it was."""
        download_id = await self.stopped(adapter)
        before = self.told(client, download_id)
        with pytest.raises(Problem, match=r"client_refused: .* path"):
            await adapter.alter(download_id, Move(save_path=str(client.directory / "nox.log" / "below")))
        assert self.told(client, download_id) == before

    async def test_a_part_of_a_minute(self, adapter: Adapter, client: RealClient) -> None:
        """It seeds by whole minutes, at least as long as was asked for."""
        download_id = await self.stopped(adapter)
        await adapter.alter(download_id, SetLimits(seeding_time=61))
        assert self.told(client, download_id).seeding_time == 120

    async def test_a_part_of_a_kib(self, own_client: RealClient) -> None:
        """It drops what is less than a KiB/s of its own limits: the next whole one is set, and told."""
        async with adapter_for(own_client) as adapter:
            await adapter.control(GlobalLimits(download=1, upload=1025))
            assert await adapter.limits() == self.told_limits(own_client)
            assert await adapter.limits() == Limits(download=1024, upload=2048, alternative=False)

    async def test_a_limit_that_it_cuts_off(self, adapter: Adapter, client: RealClient) -> None:
        """Its ratios end at 9999: what it made of it is not what was asked for."""
        download_id = await self.stopped(adapter)
        with pytest.raises(Problem, match="client_refused"):
            await adapter.alter(download_id, SetLimits(ratio=20_000))

    async def test_trackers_with_bars_and_percents(self, adapter: Adapter, client: RealClient) -> None:
        """A bar separates what is removed, and newer versions decode it: both are kept apart."""
        urls = (f"http://{HOST}:1/a%2Fb/announce", f"http://{HOST}:1/announce?a=%7C")
        download_id = await self.stopped(adapter)
        await adapter.alter(download_id, EditTrackers(add=urls))
        assert self.told(client, download_id).trackers == set(urls)
        await adapter.alter(download_id, EditTrackers(remove=urls[:1]))
        assert self.told(client, download_id).trackers == set(urls[1:])


@contextmanager
def _own(client: RealClient) -> Iterator[httpx.Client]:
    """A log-in of the test's own; a second one costs as much as a hundred questions."""
    session, url = _SESSIONS.get(client), f"{client.url}/api/v2/"
    with httpx.Client(base_url=url, timeout=30, cookies=session, verify=trusted()) as http:
        if session is None:
            http.post("auth/login", data={"username": client.username, "password": client.password}).raise_for_status()
            _SESSIONS[client] = http.cookies
        yield http


def _json(http: httpx.Client, path: str, **query: str) -> Any:
    return http.get(path, params=query).raise_for_status().json()


def _limit(value: int) -> int | None:
    return value if value > 0 else None
