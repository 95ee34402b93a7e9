"""The verbs of the catalogue and of the apps, against a real gateway; the importer's words are played."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from integration.cli.conftest import Cli
from integration.gateway.conftest import ServiceForTest
from sluice_common.contracts.apps import AppName, Apps, AppStatus
from sluice_common.contracts.catalogue import (
    Entries,
    EntryProblem,
    Episode,
    EpisodesOf,
    FilesIn,
    LibraryFile,
    Merged,
)
from sluice_common.contracts.library import Listing, MediaItem, MediaItemId
from sluice_common.contracts.rpc import Empty, Page

ITEM = MediaItem(id="abcdef12" * 4, kind="series", title="Some Show", year=2020, episodes=2,
                 alternative_titles=("Une Série",), external_ids={"tvdb": "7"})  # fmt: skip


@pytest.fixture(autouse=True)
async def known(services: ServiceForTest) -> None:
    await services.answers("importer", "media.list", Listing, lambda _: Page((ITEM,)))


async def test_an_item_with_its_episodes_and_files(cli: Cli, services: ServiceForTest) -> None:
    """The beginning of its id is enough; each is told as people write it."""
    pilot = Episode(season=1, number=2, absolute=5, scene_season=2, scene_number=1, air_date=date(2020, 1, 2), files=1)
    file = LibraryFile(library="tv", path="Some Show/Season 01/S01E02.mkv", size=2048, method="hardlink")
    await services.answers("importer", "media.get", MediaItemId, lambda _: ITEM)
    await services.answers("importer", "media.episodes", EpisodesOf, lambda _: Page((pilot,)))
    await services.answers("importer", "media.files", FilesIn, lambda _: Page((file,)))
    shown = (await cli.fine("media", "show", "abcdef")).out
    assert "Also called: Une Série" in shown
    assert "Known as: tvdb 7" in shown
    listed = (await cli.fine("media", "episodes", "abcdef", "--season", "1")).out
    assert all(word in listed for word in ("S01E02", "S02E01", "2020-01-02"))
    assert services.of("media.episodes") == [EpisodesOf(id=ITEM.id, season=1)]
    assert "Some Show/Season 01/S01E02.mkv" in (await cli.fine("media", "files", "abcdef")).out


async def test_lists_are_handed_over_in_pieces(cli: Cli, services: ServiceForTest, tmp_path: Path) -> None:
    """Of a long list nothing is lost between pieces, the answer sums them, and an error names the file's own line."""
    problem = EntryProblem(position=0, title="X", code="bad_year", detail="3 is not a year")
    await services.answers("importer", "media.import", Entries, lambda _: Merged(created=1, problems=(problem,)))
    listed = tmp_path / "films.json"
    listed.write_text(json.dumps([{"kind": "movie", "title": f"Film {number}"} for number in range(501)]))
    told = (await cli.fine("media", "import", str(listed))).out
    assert "2 new, 0 changed, 0 as they were" in told
    assert "X: 3 is not a year (bad_year)" in told
    pieces = services.of("media.import")
    assert [entry.title for piece in pieces for entry in piece.items] == [f"Film {number}" for number in range(501)]
    table = tmp_path / "films.csv"
    table.write_text(
        "kind,title,year\n" + "".join(f"movie,Film {number},2000\n" for number in range(501)) + "movie,X,x\n"
    )
    refused = await cli("media", "import", str(table))
    assert refused.code == 1
    assert "line 503: year is 'x', not a number" in refused.err


async def test_what_is_no_list_is_refused_in_words(cli: Cli, services: ServiceForTest, tmp_path: Path) -> None:
    """A file that is not there, and one that holds something else."""
    wrong = tmp_path / "wrong.json"
    wrong.write_text('{"movies": []}')
    for path, said in ((tmp_path / "none.csv", "cannot read"), (wrong, "is no list of items")):
        refused = await cli("media", "import", str(path))
        assert (refused.code, said in refused.err) == (1, True)
    assert services.of("media.import") == []


async def test_apps(cli: Cli, services: ServiceForTest) -> None:
    """What was taken over from each, why not, and a sync that is asked for."""
    done = AppStatus(name="sonarr", kind="sonarr", url="http://sonarr:8989", version="4.0", items=12,
                     synced_at=datetime(2026, 11, 21, 12, tzinfo=UTC))  # fmt: skip
    failed = AppStatus(
        name="radarr", kind="radarr", url="http://r", reason="auth_failed", message="refused the API key"
    )
    await services.answers("importer", "apps.list", Empty, lambda _: Apps((done, failed)))
    await services.answers("importer", "apps.sync", AppName, lambda _: done)
    listed = (await cli.fine("apps")).out
    assert all(word in listed for word in ("sonarr", "12", "radarr: auth_failed: refused the API key"))
    await cli.fine("apps", "sync", "sonarr")
    assert services.of("apps.sync") == [AppName(name="sonarr")]
