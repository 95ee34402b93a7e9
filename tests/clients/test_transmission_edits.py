"""Every change on the real Transmission, seen in its own RPC."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import pytest
from typing_extensions import override

from clients.asking import adapter_for, eventually, row
from clients.edit_suite import AlternativeLimitsSuite, EditSuite, Told
from clients.frozen_suite import FrozenSuite
from sluice_client_poller.adapters.port import Adapter, NewDownload
from sluice_common.kit.errors import Problem
from sluice_common.model.edits import (
    EditTrackers,
    ForceStart,
    Limits,
    Move,
    SetCategory,
    SetLimits,
    SetTags,
)
from support.clients import RealClient
from support.edit_abilities import EditAbility, Since, Why
from support.torrents import make_content, make_torrent, raw_torrent
from support.transmission import Transmission

pytestmark = pytest.mark.client

ACTIVE = (4, 6)
RATIO_OF_ITS_OWN = 1
FIELDS = [
    "name", "downloadDir", "status", "labels", "queuePosition", "downloadLimit", "downloadLimited", "uploadLimit",
    "uploadLimited", "seedRatioLimit", "seedRatioMode", "fileStats", "trackers", "sequential_download",
]  # fmt: skip


class TestTransmissionEdits(AlternativeLimitsSuite, FrozenSuite, EditSuite):
    """The suite of edits. Category and tags are labels: the category is the first."""

    CLIENT = "transmission"
    CANNOT: ClassVar[Mapping[EditAbility, Why]] = {
        EditAbility.UNFORCE: "it does not remember who was forced",
        EditAbility.SEEDING_TIME: "it knows only for how long nobody asks for anything",
        EditAbility.RENAME: "it would rename the data",
        EditAbility.PEERS: "its RPC takes none",
        EditAbility.ADD_TAGS: "its first label is the category",
        EditAbility.ADD_SEQUENTIAL: Since(4, 1),
        EditAbility.ADD_FIRST_LAST: "its RPC has no word for it",
    }

    @override
    def told(self, client: RealClient, download_id: str) -> Told:
        """From one torrent-get; it does not tell who was forced, and before 4.1 no order."""
        (found,) = _rpc(client).rpc("torrent-get", ids=[download_id], fields=FIELDS)["torrents"]
        category, *tags = found["labels"] or [None]
        return Told(
            name=found["name"],
            save_path=found["downloadDir"],
            active=found["status"] in ACTIVE,
            category=category,
            tags=frozenset(tags),
            queue=found["queuePosition"],
            download_limit=found["downloadLimit"] * 1000 if found["downloadLimited"] else None,
            upload_limit=found["uploadLimit"] * 1000 if found["uploadLimited"] else None,
            ratio=found["seedRatioLimit"] if found["seedRatioMode"] == RATIO_OF_ITS_OWN else None,
            wanted=tuple(file["wanted"] for file in found["fileStats"]),
            trackers=frozenset(tracker["announce"] for tracker in found["trackers"]),
            sequential=found.get("sequential_download", False),
        )

    @override
    def told_limits(self, client: RealClient) -> Limits:
        """From its session."""
        found = _rpc(client).rpc("session-get")
        limits = (
            found[name] * 1000 if found[f"{name}-enabled"] else None for name in ("speed-limit-down", "speed-limit-up")
        )
        return Limits(**dict(zip(("download", "upload"), limits, strict=True)), alternative=found["alt-speed-enabled"])

    @override
    def held(self, client: RealClient) -> set[str]:
        """From one torrent-get."""
        return {found["hashString"] for found in _rpc(client).rpc("torrent-get", fields=["hashString"])["torrents"]}

    @override
    def let_one_download(self, client: RealClient) -> None:
        """By its session."""
        _rpc(client).rpc("session-set", download_queue_enabled=True, download_queue_size=1)

    @override
    async def stopped(self, adapter: Adapter) -> str:
        """With a category, for a tag cannot be without one."""
        download_id = await super().stopped(adapter)
        await adapter.alter(download_id, SetCategory(category="base"))
        return download_id

    async def test_tags_at_an_add(self, adapter: Adapter, client: RealClient) -> None:
        """Category and tags are there with the add, in this order."""
        torrent = raw_torrent("Labelled.Add", b"x" * 1000)
        await adapter.add(NewDownload(torrent=torrent.data, paused=True, category="tv", tags=("hd", "new")))
        assert _rpc(client).rpc("torrent-get", ids=[torrent.id], fields=["labels"])["torrents"] == [
            {"labels": ["tv", "hd", "new"]}
        ]

    async def test_labels_that_would_be_read_back_as_something_else(self, adapter: Adapter, client: RealClient) -> None:
        """Without a category the first tag would become it; that is refused, and nothing changes."""
        download_id = await self.stopped(adapter)
        await adapter.alter(download_id, SetTags(tags=("one", "two")))
        await adapter.alter(download_id, SetCategory(category="other"))
        before = self.told(client, download_id)
        assert (before.category, before.tags) == ("other", frozenset({"one", "two"}))
        for edit in (SetCategory(category=None), SetTags(tags=("other",))):
            with pytest.raises(Problem, match="unsupported"):
                await adapter.alter(download_id, edit)
            assert self.told(client, download_id) == before

    async def test_a_small_limit_is_not_none(self, adapter: Adapter, client: RealClient) -> None:
        """Less than its kB/s is one kB/s: 0 would stop the transfer."""
        download_id = await self.stopped(adapter)
        await adapter.alter(download_id, SetLimits(download=1, upload=1001))
        told = self.told(client, download_id)
        assert (told.download_limit, told.upload_limit) == (1000, 2000)

    async def test_a_move_that_fails(self, adapter: Adapter, client: RealClient) -> None:
        """It answers success to a folder that cannot be made; the adapter says that nothing moved."""
        torrent = make_torrent(make_content(client.download_dir, "Unmovable.mkv", 50_000))
        await adapter.add(NewDownload(torrent=torrent.data))
        await eventually(lambda: row(adapter, torrent.id), lambda found: found.is_complete)
        for target in ("relative", f"{client.directory}/settings.json/below"):
            with pytest.raises(Problem) as refused:
                await adapter.alter(torrent.id, Move(save_path=target))
            assert (refused.value.code, refused.value.status) == ("client_refused", 409)
            assert self.told(client, torrent.id).save_path == str(client.download_dir)
        assert (client.download_dir / "Unmovable.mkv").exists()

    async def test_the_last_tracker_goes(self, adapter: Adapter, client: RealClient) -> None:
        """A download may be without trackers."""
        download_id = await self.stopped(adapter)
        url = "udp://127.0.0.1:1/announce"
        await adapter.alter(download_id, EditTrackers(add=(url,)))
        await adapter.alter(download_id, EditTrackers(remove=(url,)))
        assert not self.told(client, download_id).trackers

    async def test_forced_is_not_told(self, own_client: RealClient) -> None:
        """It remembers nobody as forced, so no row says so."""
        async with adapter_for(own_client) as adapter:
            download_id = await self.stopped(adapter)
            await adapter.alter(download_id, ForceStart())
            assert not (await row(adapter, download_id)).forced
            await self.says(own_client, download_id, active=True)


def _rpc(client: RealClient) -> Transmission:
    assert isinstance(client, Transmission)
    return client
