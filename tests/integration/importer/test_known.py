"""What is known of many items at once: made, added to, never taken from; episodes and files are told in pages."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from sluice_common.contracts import catalogue as contract
from sluice_common.contracts import rpc
from sluice_common.contracts.library import Listing, MediaItem, MediaItemId
from sluice_common.kit.errors import Problem
from support.importer import Household


def series(title: str, *episodes: contract.NewEpisode, **fields: Any) -> contract.Entry:
    return contract.Entry(kind="series", title=title, episodes=episodes, **fields)


def episode(season: int, number: int, **fields: Any) -> contract.NewEpisode:
    return contract.NewEpisode(season=season, number=number, **fields)


async def merge(household: Household, *entries: contract.Entry) -> contract.Merged:
    return await household.ask("media.import", contract.Entries(entries), contract.Merged)


async def items(household: Household) -> dict[str, MediaItem]:
    page = await household.ask("media.list", Listing(), rpc.Page[MediaItem])
    return {item.title: item for item in page.items}


async def episodes(household: Household, item: str, limit: int = 100) -> list[contract.Episode]:
    told: list[contract.Episode] = []
    cursor = None
    while True:
        asked = contract.EpisodesOf(id=item, limit=limit, cursor=cursor)
        page = await household.ask("media.episodes", asked, rpc.Page[contract.Episode])
        told.extend(page.items)
        cursor = page.next
        if cursor is None:
            return told


async def test_many_are_made_known_and_told_again_change_nothing(household: Household) -> None:
    """Everything that was said of an item is kept; saying it again is no change, whatever its spelling."""
    film = contract.Entry(kind="movie", title="Sintel", year=2010, external_ids={"tmdb": "45745"})
    show = series("The Some Show", episode(1, 1, title="Pilot"), episode(0, 1, air_date=date(2020, 12, 24)),
                  year=2020, sort_title="Some Show", alternative_titles=("Une Série", "some show"),
                  external_ids={"tvdb": "1", "imdb": "tt0000001"})  # fmt: skip
    await household.client.start()
    async with household.importer():
        first = await merge(household, film, show)
        assert (first.created, first.updated, first.unchanged, first.episodes, first.problems) == (2, 0, 0, 2, ())
        again = await merge(household, film, show)
        assert (again.created, again.updated, again.unchanged, again.episodes) == (0, 0, 2, 0)
        known = (await items(household))["The Some Show"]
        assert (known.year, known.sort_title, known.episodes) == (2020, "Some Show", 2)
        assert known.alternative_titles == ("Une Série",)
        assert known.external_ids == {"imdb": "tt0000001", "tvdb": "1"}
        assert await household.ask("media.get", MediaItemId(id=known.id), MediaItem) == known
        assert [(one.season, one.number, one.title, one.air_date) for one in await episodes(household, known.id)] == [
            (0, 1, None, date(2020, 12, 24)),
            (1, 1, "Pilot", None),
        ]


async def test_what_is_left_out_stays(household: Household) -> None:
    """A later list adds and corrects; an old title still names the item, and no episode or id is lost."""
    await household.client.start()
    async with household.importer():
        await merge(household, series("Old Name", episode(1, 1, title="One", absolute=1), external_ids={"tvdb": "7"}))
        later = series("New Name", episode(1, 1, air_date=date(2021, 1, 2)), episode(1, 2), external_ids={"tvdb": "7"})
        merged = await merge(household, later)
        assert (merged.updated, merged.episodes) == (1, 2)
        known = (await items(household))["New Name"]
        assert known.alternative_titles == ("Old Name",)
        first, second = await episodes(household, known.id)
        assert (first.title, first.absolute, first.air_date) == ("One", 1, date(2021, 1, 2))
        assert (second.season, second.number, second.title) == (1, 2, None)


async def test_an_entry_that_cannot_be_taken_holds_up_no_other(household: Household) -> None:
    """Each is told with its place, a code and words; the rest is known."""
    await household.client.start()
    async with household.importer():
        await merge(
            household,
            contract.Entry(kind="movie", title="Two", year=2001, external_ids={"tmdb": "2"}),
            contract.Entry(kind="movie", title="Three", year=2001, external_ids={"imdb": "tt3"}),
        )
        wrong = (
            (contract.Entry(kind="song", title="X"), "bad_kind"),
            (contract.Entry(kind="movie", title=" "), "bad_title"),
            (contract.Entry(kind="movie", title="X", year=3), "bad_year"),
            (contract.Entry(kind="movie", title="X", external_ids={"t m": "1"}), "bad_external_id"),
            (contract.Entry(kind="movie", title="X", library="nowhere"), "unknown_library"),
            (contract.Entry(kind="movie", title="X", library="tv"), "wrong_library_kind"),
            (contract.Entry(kind="movie", title="X", episodes=(episode(1, 1),)), "bad_episode"),
            (series("X", episode(1, 1), episode(1, 1)), "bad_episode"),
            (series("X", episode(-1, 1)), "bad_episode"),
            (contract.Entry(kind="movie", title="X", external_ids={"tmdb": "2", "imdb": "tt3"}), "conflicting_ids"),
            (contract.Entry(kind="movie", title="Two", year=2001, external_ids={"imdb": "tt3"}), "media_item_exists"),
            (contract.Entry(kind="movie", title="Two", year=2001, external_ids={"tmdb": "9"}), "media_item_exists"),
        )
        merged = await merge(household, *(entry for entry, _ in wrong), contract.Entry(kind="movie", title="Last"))
        assert [(one.position, one.code) for one in merged.problems] == [
            (position, code) for position, (_, code) in enumerate(wrong)
        ]
        assert merged.created == 1
        assert set(await items(household)) == {"Two", "Three", "Last"}


async def test_episodes_come_in_pages(household: Household) -> None:
    """No page skips or repeats one; a season can be asked for alone; an item that is not there is said."""
    many = [episode(season, number) for season in (0, 1, 2) for number in range(1, 24)]
    await household.client.start()
    async with household.importer():
        await merge(household, series("Long", *many))
        known = (await items(household))["Long"]
        told = await episodes(household, known.id, limit=10)
        assert [(one.season, one.number) for one in told] == [(one.season, one.number) for one in many]
        asked = contract.EpisodesOf(id=known.id, season=2)
        page = await household.ask("media.episodes", asked, rpc.Page[contract.Episode])
        assert {one.season for one in page.items} == {2}
        for body, code in (
            (contract.EpisodesOf(id="nobody"), "unknown_media_item"),
            (contract.EpisodesOf(id=known.id, cursor="x"), "bad_cursor"),
        ):
            with pytest.raises(Problem, match=code):
                await household.ask("media.episodes", body, rpc.Page[contract.Episode])


async def test_the_files_of_an_item_and_of_a_library_are_told(household: Household) -> None:
    """What an import registered is found by its item and by its library."""
    client = household.client
    await client.start()
    async with household.importer():
        item = await household.item("movie", "Dune", 2021)
        await client.commit(client.add("a1", "Dune.2021.1080p.WEB.x264-GRP", {"Dune.2021.mkv": b"film"}))
        done = await household.reached("a1", "imported")
        for asked in (contract.FilesIn(id=item.id), contract.FilesIn(library="movies")):
            page = await household.ask("media.files", asked, rpc.Page[contract.LibraryFile])
            (file,) = page.items
            assert (file.library, file.size, file.method, file.import_id) == ("movies", 4, "hardlink", done.id)
            assert file.path.startswith("Dune (2021)/")
        empty = await household.ask("media.files", contract.FilesIn(library="tv"), rpc.Page[contract.LibraryFile])
        assert empty.items == ()
        with pytest.raises(Problem, match="unknown_library"):
            await household.ask("media.files", contract.FilesIn(library="x"), rpc.Page[contract.LibraryFile])
