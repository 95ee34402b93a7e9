"""From a magnet to the library, over HTTP only, with real clients on a loopback swarm."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support.clients import LAUNCHERS, RealClient
from support.meeting import Meeting
from support.product import Product, wait
from support.swarm import Swarm
from support.torrents import make_content

each_client = pytest.mark.parametrize("client", sorted(LAUNCHERS), indirect=True)


@pytest.fixture
def meeting(swarm: Swarm, client: RealClient) -> Meeting:
    """What lets the client's downloads find the seeder."""
    return Meeting(swarm, client)


def row_once(
    product: Product, download_id: str, meeting: Meeting, wanted: Callable[[dict[str, Any]], object]
) -> dict[str, Any]:
    """The download's row once it is as wanted."""

    def look() -> dict[str, Any] | None:
        meeting.introduce(download_id)
        row = product.queue().get(download_id)
        return row if row and wanted(row) else None

    return wait(look, seconds=60, what=lambda: f"{product.queue()} {product.imports()} {product.logs()}")


def is_imported(row: dict[str, Any]) -> bool:
    return bool(row["import"]["state"] == "imported")


def is_complete(row: dict[str, Any]) -> bool:
    return bool(row["is_complete"])


def is_downloading(row: dict[str, Any]) -> bool:
    return bool(row["state"] == "downloading")


def in_order(timeline: list[dict[str, Any]], *types: str) -> bool:
    """Whether `types` appear in this order among the timeline's types."""
    seen = iter(entry["type"] for entry in timeline)
    return all(kind in seen for kind in types)


@pytest.mark.parametrize(
    ("client", "options"),
    [*((kind, ("--no-compact",)) for kind in sorted(LAUNCHERS)), ("deluge", ("--compact",))],
    indirect=["client"],
    ids=[*sorted(LAUNCHERS), "compact"],
)
def test_a_magnet_and_a_torrent_end_in_the_library(
    product: Product, client: RealClient, swarm: Swarm, meeting: Meeting, media: Path, tmp_path: Path
) -> None:
    """The whole path: added, followed live, completed, hardlinked, registered, told in order, seeding undisturbed."""
    episode = swarm.seed(make_content(tmp_path / "seed", "Some.Show.S01E02.1080p.WEB-DL.x264-GRP.mkv", 3_000_000))
    movie = swarm.seed(make_content(tmp_path / "seed", "Some.Film.2020.1080p.BluRay.x264-GRP", {"film.mkv": 2_500_000}))
    product.post("/media", {"kind": "series", "title": "Some Show"})
    product.post("/media", {"kind": "movie", "title": "Some Film", "year": 2020})

    with product.following() as follower:
        added = product.post("/downloads", {"client": client.type, "magnet": episode.magnet, "category": "tv"})
        torrent = base64.b64encode(movie.data).decode()
        other = product.post("/downloads", {"client": client.type, "torrent": torrent, "category": "movies"})
        assert added["id"] in product.queue(), "an add is readable at once"
        for download_id in (added["id"], other["id"]):
            row_once(product, download_id, meeting, is_imported)
        wait(lambda: follower.saw(lambda r: r["id"] == added["id"] and r["is_complete"]), what="completion over SSE")
        wait(lambda: follower.saw(lambda r: r["import"]["state"] == "imported"), what="the import over SSE")

    placed = {
        media / "tv/Some Show/Season 01/Some Show - S01E02.mkv": client.download_dir / episode.name,
        media / "movies/Some Film (2020)/Some Film (2020).mkv": client.download_dir / movie.name / "film.mkv",
    }
    for target, source in placed.items():
        assert target.exists(), sorted(str(path) for path in media.rglob("*"))
        assert target.stat().st_ino == source.stat().st_ino, "the same inode, as was promised"
    assert not list(media.rglob(".sluice-*-*")), "no temporary directory is left"

    for download_id in (added["id"], other["id"]):
        timeline = product.history(client.type, download_id)
        told = ("download.added", "download.completed", "import.started", "file.registered", "import.completed")
        assert in_order(timeline, *told), [entry["type"] for entry in timeline]
        assert len({entry["id"] for entry in timeline}) == len(timeline)
        assert [entry["type"] for entry in timeline].count("download.completed") == 1
        row = product.queue()[download_id]
        assert (row["state"], row["is_complete"], row["health"]) == ("seeding", True, "ok")


@each_client
def test_removing_with_data_keeps_the_library(
    product: Product, client: RealClient, swarm: Swarm, meeting: Meeting, media: Path, tmp_path: Path
) -> None:
    """Cancel takes the row and the client's data; the library's hardlink stays, and history says who did it."""
    movie = swarm.seed(make_content(tmp_path / "seed", "Gone.Film.2021.720p.WEB-DL-GRP.mkv", 1_000_000))
    product.post("/media", {"kind": "movie", "title": "Gone Film", "year": 2021})
    added = product.post("/downloads", {"client": client.type, "magnet": movie.magnet, "category": "movies"})
    row_once(product, added["id"], meeting, is_imported)
    target, source = media / "movies/Gone Film (2021)/Gone Film (2021).mkv", client.download_dir / movie.name
    content = source.read_bytes()

    answer = product.request("DELETE", f"/downloads/{client.type}/{added['id']}", params={"data": "true"})
    assert answer.status_code == 200, answer.text
    assert added["id"] not in product.queue(), "the reply comes once its effect is visible"
    wait(lambda: not source.exists(), what="the client's data gone")
    assert target.read_bytes() == content
    timeline = wait(
        lambda: [e for e in product.history(client.type, added["id"]) if e["type"] == "download.cancelled"],
        what="a cancelled event",
    )
    assert timeline[0]["data"]["with_data"] is True


def test_a_season_pack_and_a_double_episode(
    product: Product, client: RealClient, swarm: Swarm, meeting: Meeting, media: Path, tmp_path: Path
) -> None:
    """Every file of a pack has a verdict and a place; a file of two episodes is named for both."""
    product.post("/media", {"kind": "series", "title": "Packed Show"})
    files = {f"Packed.Show.S02E{n:02}.720p.mkv": 400_000 + n for n in (1, 2)} | {
        "Packed.Show.S02E03E04.720p.mkv": 500_000,
        "info.nfo": 200,
    }
    pack = swarm.seed(make_content(tmp_path / "seed", "Packed.Show.S02.720p.WEB-DL-GRP", files))
    added = product.post("/downloads", {"client": client.type, "magnet": pack.magnet, "category": "tv"})
    row_once(product, added["id"], meeting, is_imported)
    season = media / "tv/Packed Show/Season 02"
    assert sorted(path.name for path in season.iterdir() if path.suffix == ".mkv") == [
        "Packed Show - S02E01.mkv",
        "Packed Show - S02E02.mkv",
        "Packed Show - S02E03-E04.mkv",
    ]
    found = product.get(f"/imports/{product.queue()[added['id']]['import']['id']}")
    assert len(found["files"]) == 4
    assert all(file["verdict"] for file in found["files"])


@each_client
def test_pause_resume_recheck_and_retry_act_in_the_client(
    product: Product, client: RealClient, swarm: Swarm, meeting: Meeting, tmp_path: Path
) -> None:
    """Each command shows in the queue soon, and a retry is the same download in a new epoch."""
    content = make_content(tmp_path / "seed", "Slow.Show.S01E01.mkv", 2_000_000)
    slow = swarm.seed(content, upload_limit=20_000)
    added = product.post("/downloads", {"client": client.type, "magnet": slow.magnet})
    path = f"/downloads/{client.type}/{added['id']}"
    row_once(product, added["id"], meeting, is_downloading)
    product.post(f"{path}/pause")
    row_once(product, added["id"], meeting, lambda row: row["state"] == "paused")
    product.post(f"{path}/resume")
    row_once(product, added["id"], meeting, lambda row: row["state"] in ("downloading", "queued"))
    retried = product.post(f"{path}/retry")
    assert retried["id"] == added["id"]
    assert retried["epoch"] != added["epoch"]
    assert len(product.queue()) == 1
    swarm.limit(slow.id, None)
    row_once(product, added["id"], meeting, is_complete)
    product.post(f"{path}/recheck")
    row_once(product, added["id"], meeting, is_complete)
    types = [entry["type"] for entry in product.history(client.type, added["id"])]
    assert types.count("download.added") == 2
    assert "download.cancelled" not in types
