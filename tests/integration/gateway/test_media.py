"""The catalogue over HTTP: lists in, items, episodes and files out. What the importer answers is played."""

from __future__ import annotations

import msgspec

from integration.gateway.conftest import GatewayForTest, ServiceForTest
from sluice_common.contracts.catalogue import (
    Entries,
    Entry,
    EntryProblem,
    Episode,
    EpisodeNumber,
    EpisodesOf,
    FilesIn,
    LibraryFile,
    Merged,
    NewEpisode,
)
from sluice_common.contracts.library import MediaItem, MediaItemId
from sluice_common.contracts.rpc import Page

KNOWN = Entry(kind="series", title="Some Show", year=2020, external_ids={"tvdb": "7"},
              episodes=(NewEpisode(season=1, number=1, title="Pilot"),))  # fmt: skip
PILOT = (EpisodeNumber(season=1, number=1),)
TABLE = "kind,title,year,tvdb,season,episode,episode_title\nseries,Some Show,2020,7,1,1,Pilot\n"


async def test_lists_are_handed_to_the_importer(gateway: GatewayForTest, services: ServiceForTest) -> None:
    """JSON and CSV say the same; what was left out comes back with its place and its words."""
    left_out = EntryProblem(position=1, title="X", code="bad_year", detail="3 is not a year")
    await services.answers("importer", "media.import", Entries, lambda _: Merged(created=1, problems=(left_out,)))
    sent = {"items": [msgspec.to_builtins(KNOWN)]}
    as_json = await gateway.http.post("/api/v1/media/import", json=sent)
    headers = {"Content-Type": "text/csv"}
    as_table = await gateway.http.post("/api/v1/media/import.csv", content=TABLE.encode(), headers=headers)
    for response in (as_json, as_table):
        assert (response.status_code, response.json()["created"]) == (200, 1)
        assert response.json()["problems"] == [msgspec.to_builtins(left_out)]
    assert services.of("media.import") == [Entries((KNOWN,)), Entries((KNOWN,))]


async def test_a_list_that_cannot_be_read_is_refused_whole(gateway: GatewayForTest, services: ServiceForTest) -> None:
    """An unknown key, a number out of bounds, a table without columns: 400 with what to mend, and nothing is asked."""
    await services.answers("importer", "media.import", Entries, lambda _: Merged())
    for items in ([], [{"kind": "movie", "title": "x", "tvdb": "1"}],
                  [{"kind": "series", "title": "x", "episodes": [{"season": -1, "number": 1}]}]):  # fmt: skip
        await gateway.problem(400, "invalid_request", "POST", "/media/import", json={"items": items})
    await gateway.problem(400, "invalid_request", "POST", "/media/import.csv", content=b"title\nx\n")
    assert services.asked == []


async def test_an_item_its_episodes_and_its_files(gateway: GatewayForTest, services: ServiceForTest) -> None:
    """Each with what was asked for, and pages as the importer cuts them."""
    item = MediaItem(id="m1", kind="series", title="Some Show", external_ids={"tvdb": "7"}, episodes=1)
    file = LibraryFile(library="tv", path="Some Show/Season 01/1.mkv", size=1, method="copy", episodes=PILOT)
    await services.answers("importer", "media.get", MediaItemId, lambda _: item)
    await services.answers(
        "importer", "media.episodes", EpisodesOf, lambda _: Page((Episode(season=1, number=1, files=1),), "more")
    )
    await services.answers("importer", "media.files", FilesIn, lambda _: Page((file,)))
    assert (await gateway.get("/media/m1"))["external_ids"] == {"tvdb": "7"}
    page = await gateway.get("/media/m1/episodes", season=0, limit=7)
    assert ((page["items"][0]["number"], page["items"][0]["files"]), page["next"]) == ((1, 1), "more")
    assert (await gateway.get("/media/m1/files"))["items"][0]["episodes"] == [{"season": 1, "number": 1}]
    await gateway.get("/libraries/tv/files", cursor="c")
    assert services.of("media.episodes") == [EpisodesOf(id="m1", season=0, limit=7)]
    assert services.of("media.files") == [FilesIn(id="m1"), FilesIn(library="tv", cursor="c")]
