"""A household that lost its data directory goes on from its backup: nothing is imported twice, nothing forgotten."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from support.deluge import Deluge
from support.household import household
from support.oracle import Wanted, faults, timelines
from support.product import Product, wait
from support.swarm import Swarm
from support.torrents import make_content

pytestmark = [pytest.mark.client, pytest.mark.slow, pytest.mark.timeout(480)]
Add = Callable[[int], Wanted]


@pytest.fixture
def product(own_deluge: Deluge, media: Path, data: Path) -> Iterator[Product]:
    """A product that is not started yet."""
    made = Product(data, household(own_deluge, media))
    try:
        yield made
    finally:
        made.stop()


@pytest.fixture
def add(product: Product, own_deluge: Deluge, swarm: Swarm, tmp_path: Path) -> Add:
    """Adds an episode and knows where it belongs."""

    def adding(number: int) -> Wanted:
        name = f"Saved.Show.S01E{number:02}.720p.mkv"
        torrent = swarm.seed(make_content(tmp_path / "seeds", name, 300_000 + number))
        product.post("/downloads", {"client": "deluge", "magnet": torrent.magnet, "category": "tv"})
        return Wanted(
            id=torrent.id,
            source=own_deluge.download_dir / name,
            original=tmp_path / "seeds" / name,
            library="tv",
            path=f"Saved Show/Season 01/Saved Show - S01E{number:02}.mkv",
            method="hardlink",
        )

    return adding


def _until_well(product: Product, media: Path, wanted: list[Wanted]) -> None:
    wait(
        lambda: not faults(product, media, wanted),
        seconds=90,
        every=0.3,
        what=lambda: f"all imported once: {faults(product, media, wanted)} {product.logs()}",
    )


def _imports(product: Product) -> list[dict[str, Any]]:
    return product.sql("SELECT id, download_id, epoch, state, attempt, version, updated_at FROM library.imports")


def _sluice(*words: str) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "sluice_cli.main", *words], capture_output=True, text=True, timeout=120, check=False
    )
    assert ran.returncode == 0, ran.stderr


def test_a_lost_data_directory_is_restored_and_nothing_is_imported_twice(
    product: Product, media: Path, add: Add, tmp_path: Path
) -> None:
    """Backup while it runs, everything lost, restore, start: the same files are registered, the history is there.

    What was imported after the backup is adopted where it lies; the API key still fits; new downloads are imported.
    """
    product.start()
    product.post("/libraries/tv/init")
    product.post("/media", {"kind": "series", "title": "Saved Show"})
    wanted = [add(1), add(2)]
    _until_well(product, media, wanted)
    before, told, key = _imports(product), timelines(product), (product.data / "api-key").read_text()
    file = tmp_path / "backup.tar.gz"
    _sluice("backup", str(file), "--data", str(product.data))
    wanted.append(add(3))
    _until_well(product, media, wanted)
    placed = {path: path.stat().st_ino for path in media.rglob("*.mkv")}
    product.stop()

    product.data.rename(product.data.with_name("lost"))
    _sluice("restore", str(file), "--data", str(product.data))
    assert (product.data / "api-key").read_text() == key
    product.start()
    _until_well(product, media, wanted)
    wanted.append(add(4))
    _until_well(product, media, wanted)
    after = {row["download_id"]: row for row in _imports(product)}
    assert [after[row["download_id"]] for row in before] == before, "no finished import was touched"
    assert all(entry in timelines(product) for entry in told), "history keeps what it knew"
    assert {path: path.stat().st_ino for path in placed} == placed, "no file was placed anew"
    assert set(product.queue()) == {one.id for one in wanted}
