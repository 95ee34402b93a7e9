"""The bus is a log, not the truth: without it nothing is lost, and what was there before us is left alone."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sluice_client_poller.adapters.port import Adapter, NewDownload
from sluice_client_poller.adapters.registry import make
from sluice_common.kit.settings import ClientSettings
from support.deluge import Deluge
from support.household import household
from support.oracle import Wanted, faults, timelines
from support.product import Product, wait
from support.swarm import Swarm
from support.torrents import Torrent, make_content, make_torrent
from support.waiting import until

pytestmark = [pytest.mark.client, pytest.mark.slow, pytest.mark.timeout(500)]
BACKLOG = 50


class Household:
    """A product whose downloads are episodes of one show; it knows where each of them belongs."""

    def __init__(self, product: Product, deluge: Deluge, swarm: Swarm, media: Path, seeds: Path) -> None:
        self.product, self.deluge, self.swarm, self.media, self.seeds = product, deluge, swarm, media, seeds

    def prepare(self) -> None:
        """The library is ours, and the show is known."""
        self.product.post("/libraries/tv/init")
        self.product.post("/media", {"kind": "series", "title": "Kept Show"})

    def seed(self, number: int, upload_limit: int | None = None) -> tuple[Torrent, Wanted]:
        """Episode `number` in the swarm."""
        name = f"Kept.Show.S01E{number:02}.720p.mkv"
        torrent = self.swarm.seed(make_content(self.seeds, name, 400_000 + number), upload_limit=upload_limit)
        return torrent, Wanted(
            id=torrent.id,
            source=self.deluge.download_dir / name,
            original=self.seeds / name,
            library="tv",
            path=f"Kept Show/Season 01/Kept Show - S01E{number:02}.mkv",
            method="hardlink",
        )

    def add(self, number: int, upload_limit: int | None = None) -> Wanted:
        """Add an episode."""
        torrent, wanted = self.seed(number, upload_limit)
        self.product.post("/downloads", {"client": "deluge", "magnet": torrent.magnet, "category": "tv"})
        return wanted

    def until_well(self, wanted: list[Wanted]) -> None:
        """Wait until all of them are imported once and told once."""
        wait(
            lambda: not faults(self.product, self.media, wanted),
            seconds=60,
            every=0.3,
            what=lambda: f"all imported once: {faults(self.product, self.media, wanted)} {self.product.logs()}",
        )


@pytest.fixture
def home(own_deluge: Deluge, swarm: Swarm, media: Path, data: Path, tmp_path: Path) -> Iterator[Household]:
    """A product that is not started yet."""
    product = Product(data, household(own_deluge, media))
    try:
        yield Household(product, own_deluge, swarm, media, tmp_path / "seeds")
    finally:
        product.stop()


def test_a_wiped_bus_loses_no_import_and_no_history(home: Household) -> None:
    """JetStream's directory is gone between two starts: nothing is imported again, nothing forgotten.

    What finished while Sluice was down is imported, and told once; so is what is added afterwards.
    """
    product = home.product
    product.start()
    home.prepare()
    wanted = [home.add(number) for number in (1, 2, 3)]
    home.until_well(wanted)
    slow = home.add(4, upload_limit=20_000)
    wait(lambda: product.queue()[slow.id]["state"] == "downloading", what="a download that is under way")
    # What the events say of it so far must be in the database before the only other copy goes.
    wait(lambda: "download.added" in _told(product, slow.id), what="its history")
    before = _imports(product)
    told = timelines(product)
    product.stop()

    shutil.rmtree(product.data / "nats" / "jetstream")
    home.swarm.limit(slow.id, None)
    wait(lambda: slow.source.exists() and slow.source.read_bytes() == slow.original.read_bytes(), what="its bytes")
    product.start()
    wanted += [slow, home.add(5)]
    home.until_well(wanted)
    after = {row["download_id"]: row for row in _imports(product)}
    assert [after[row["download_id"]] for row in before] == before, "no finished import was touched"
    assert all(entry in timelines(product) for entry in told), "history keeps what it knew"
    assert set(product.queue()) == {one.id for one in wanted}


def test_what_was_complete_before_the_first_start_is_left_alone(home: Household) -> None:
    """A first run in front of 50 complete torrents imports none of them; the one added then is imported."""
    old = asyncio.run(_fill(home.deluge))
    product = home.product
    product.start()
    home.prepare()
    wait(lambda: len(product.imports()) == BACKLOG, what=lambda: f"the backlog noted; {len(product.imports())}")
    assert {(row["state"], row.get("reason")) for row in product.imports()} == {("ignored", "preexisting")}
    home.until_well([home.add(1)])
    assert {row["download_id"] for row in _imports(product) if row["state"] == "ignored"} == old
    kinds = {row["type"] for row in timelines(product) if row["download_id"] in old}
    assert not {kind for kind in kinds if kind.startswith(("import.", "file."))}, kinds
    assert len(product.queue()) == BACKLOG + 1


async def _fill(deluge: Deluge) -> set[str]:
    """Give the client BACKLOG complete torrents whose files lie at their place already; their ids."""
    adapter = make("deluge", ClientSettings.model_validate(_settings(deluge)))
    try:
        ids = {await _complete(adapter, deluge, number) for number in range(BACKLOG)}
        await until(lambda: _all_complete(adapter), seconds=60, what="a complete backlog")
        return ids
    finally:
        await adapter.close()


async def _all_complete(adapter: Adapter) -> bool:
    return all(row.is_complete for row in (await adapter.poll()).rows)


async def _complete(adapter: Adapter, deluge: Deluge, number: int) -> str:
    name = f"Kept.Show.S02E{number:02}.720p.mkv"
    content = make_content(deluge.download_dir, name, 1_000 + number)
    return await adapter.add(NewDownload(torrent=make_torrent(content).data, category="tv"))


def _settings(deluge: Deluge) -> dict[str, Any]:
    return {"type": "deluge", "url": deluge.url, "password": deluge.password}


def _told(product: Product, download_id: str) -> list[str]:
    return [row["type"] for row in timelines(product) if row["download_id"] == download_id]


def _imports(product: Product) -> list[dict[str, Any]]:
    return product.sql("SELECT id, download_id, epoch, state, attempt, version, updated_at FROM library.imports")
