"""From a finished download to registered files in the library: what is placed, where, and what is told."""

from __future__ import annotations

import os

import pytest

from sluice_common.contracts import library as contract
from sluice_common.contracts.events import Event, FileData
from sluice_common.kit.errors import Problem
from support.importer import Household, eventually, settings_of


async def _told(household: Household, last: str) -> list[str]:
    """The types of our events once `last` is out, and what follows it in the same transaction."""

    async def all_told() -> list[str] | None:
        types = [event.type for event in await household.published() if event.type != "download.completed"]
        return types if last in types and types[-1] != last else None

    return await eventually(all_told, f"{last} is told")


async def test_a_movie_is_hardlinked_registered_and_announced_in_order(household: Household) -> None:
    """A finished download is filed under its title, as the very inode that seeds, and told in order."""
    client = household.client
    await client.start()
    async with household.importer():
        await household.item("movie", "Dune", 2021)
        row = client.add("a1", "Dune.2021.1080p-GRP", {"Dune.2021/Dune.2021.mkv": b"film", "Dune.2021/x.nfo": b"n"})
        await client.commit(row)
        await client.completed(row)
        done = await household.reached("a1", "imported")
        told = await _told(household, "import.completed")
    seed = client.home / "Dune.2021/Dune.2021.mkv"
    assert household.library("movies") == {"Dune (2021)/Dune (2021).mkv": os.stat(seed).st_ino}
    assert {file.path: (file.verdict, file.placed, file.method) for file in done.files} == {
        "Dune.2021/Dune.2021.mkv": ("import", True, "hardlink"),
        "Dune.2021/x.nfo": ("skip", False, None),
    }
    assert told == ["import.queued", "import.started", "file.registered", "import.completed", "media.refresh_requested"]


async def test_episodes_packs_and_double_episodes_are_filed_by_season(household: Household) -> None:
    """One episode, a season pack with subtitles and a file of two episodes: each where its numbers say."""
    client = household.client
    await client.start()
    pack = {f"The.Show.S02/The.Show.S02E0{number}.mkv": b"x" * number for number in (1, 2, 3)}
    async with household.importer():
        item = await household.item("series", "The Show")
        await client.commit(
            client.add("one", "The.Show.S01E05.720p", {"The.Show.S01E05.720p.mkv": b"e5"}),
            client.add("pack", "The.Show.S02.1080p", {**pack, "The.Show.S02/The.Show.S02E01.en.srt": b"s"}),
            client.add("two", "The.Show.S03E01E02", {"The.Show.S03E01E02.mkv": b"double"}),
        )
        for download in ("one", "pack", "two"):
            assert (await household.reached(download, "imported")).media_item == item.id
        registered = {
            (data := event.read(FileData)).path: data.episodes for event in await _registered(household, count=6)
        }
    assert registered == {
        "The Show/Season 01/The Show - S01E05.mkv": ("S01E05",),
        "The Show/Season 02/The Show - S02E01.mkv": ("S02E01",),
        "The Show/Season 02/The Show - S02E01.en.srt": ("S02E01",),
        "The Show/Season 02/The Show - S02E02.mkv": ("S02E02",),
        "The Show/Season 02/The Show - S02E03.mkv": ("S02E03",),
        "The Show/Season 03/The Show - S03E01-E02.mkv": ("S03E01", "S03E02"),
    }
    assert set(household.library("tv")) == set(registered)


async def _registered(household: Household, count: int) -> list[Event]:
    async def all_told() -> list[Event] | None:
        found = await household.published("file.registered")
        return found if len(found) >= count else None

    return await eventually(all_told, f"{count} files are told")


async def test_unknown_media_waits_for_a_person_and_goes_on_when_asked(household: Household) -> None:
    """Nothing is guessed: blocked with what is near, until the item exists and the import is retried."""
    client = household.client
    await client.start()
    async with household.importer():
        await household.item("movie", "Dune Part One", 2021)
        await client.commit(client.add("a1", "Dune.Part.Two.2024.1080p", {"Dune.Part.Two.2024.mkv": b"film"}))
        stuck = await household.reached("a1", "blocked", "unknown_media")
        assert stuck.message is not None
        assert "Dune Part One (2021)" in stuck.message
        assert household.library("movies") == {}
        item = await household.item("movie", "Dune Part Two", 2024)
        again = await household.ask("imports.retry", contract.RetryImport(id=stuck.id), contract.Import)
        assert again.version > stuck.version
        assert (await household.reached("a1", "imported")).media_item == item.id
        with pytest.raises(Problem, match="not_retriable"):
            await household.ask("imports.retry", contract.RetryImport(id=stuck.id), contract.Import)
    assert list(household.library("movies")) == ["Dune Part Two (2024)/Dune Part Two (2024).mkv"]


async def test_a_person_says_which_of_several_items_it_is(household: Household) -> None:
    """Blocked as ambiguous; a retry that names the item files it there, one that names no item changes nothing."""
    client = household.client
    await client.start()
    async with household.importer():
        await household.item("movie", "Dune", 1984)
        meant = await household.item("movie", "Dune", 2021)
        await client.commit(client.add("a1", "Dune.1080p", {"Dune.mkv": b"film"}))
        stuck = await household.reached("a1", "blocked", "ambiguous_match")
        assert "sluice imports retry" in (stuck.message or "")
        nothing = contract.RetryImport(id=stuck.id, media_item="nothing")
        with pytest.raises(Problem, match="unknown_media_item") as refused:
            await household.ask("imports.retry", nothing, contract.Import)
        assert refused.value.status == 404
        again = contract.RetryImport(id=stuck.id, media_item=meant.id)
        await household.ask("imports.retry", again, contract.Import)
        assert (await household.reached("a1", "imported")).media_item == meant.id
    assert list(household.library("movies")) == ["Dune (2021)/Dune (2021).mkv"]


async def test_a_library_that_creates_makes_the_item_and_a_copy_is_a_copy(household: Household) -> None:
    """Policy `create` fills the catalogue from the name; method `copy` gives an inode of its own with its checksum."""
    household.settings = settings_of(
        household.home, household.settings.nats, household.settings.postgres, unknown="create", method="copy"
    )
    client = household.client
    await client.start()
    async with household.importer():
        await client.commit(client.add("a1", "New.Film.2020.1080p", {"New.Film.2020.mkv": b"film"}))
        await household.reached("a1", "imported")
    seed = os.stat(client.home / "New.Film.2020.mkv")
    (path, inode), *rest = household.library("movies").items()
    assert (path, rest) == ("New Film (2020)/New Film (2020).mkv", [])
    assert inode != seed.st_ino


async def test_only_what_is_ours_is_touched(household: Household) -> None:
    """Another importer's category and no category at all are shown elsewhere, and never imported here."""
    client = household.client
    await client.start()
    async with household.importer():
        await household.item("movie", "Dune", 2021)
        rows = [
            client.add("theirs", "Dune.2021.A", {"a.mkv": b"1"}, category="arr"),
            client.add("nobodys", "Dune.2021.B", {"b.mkv": b"2"}, category=None),
        ]
        await client.commit(*rows)
        for row in rows:
            await client.completed(row)
        await client.commit(client.add("ours", "Dune.2021.C", {"Dune.2021.C.mkv": b"3"}))
        await household.reached("ours", "imported")
        assert {found.download_id for found in await household.imports()} == {"ours"}


async def test_hostile_file_names_place_nothing_outside(household: Household) -> None:
    """Paths that climb, are absolute, hold NUL or are endless: blocked or filed below the root, never elsewhere."""
    client = household.client
    await client.start()
    outside = client.home.parent / "secret.mkv"
    outside.write_bytes(b"secret")
    evil = {
        "climb": "../secret.mkv",
        "absolute": str(outside),
        "nul": "Dune.2021\0.mkv",
        "dots": "a/../../secret.mkv",
        "long": "Dune.2021" + "x" * 300 + ".mkv",
    }
    async with household.importer():
        await household.item("movie", "Dune", 2021)
        before = set(household.home.rglob("*"))
        await client.commit(
            *(client.describe(one, "Dune.2021", {path: 6}) for one, path in evil.items()),
            client.add("control", "Dune.2021", {"Dune.2021\x1b[2J\n.mkv": b"film"}),
        )
        for one in ("climb", "absolute", "nul", "dots"):
            await household.reached(one, "blocked", "unsafe_path")
        await household.reached("long", "blocked", "name_too_long")
        await household.reached("control", "imported")
        new = {str(path.relative_to(household.home)) for path in set(household.home.rglob("*")) - before}
    library = {"movies/Dune (2021)", "movies/Dune (2021)/Dune (2021).mkv"}
    assert {name for name in new if not name.startswith("downloads")} == library
    assert outside.read_bytes() == b"secret"


async def test_a_link_that_poses_as_media_is_not_followed(household: Household) -> None:
    """A download whose file is a symbolic link to something else is refused, not filed."""
    client = household.client
    await client.start()
    outside = client.home.parent / "secret.mkv"
    outside.write_bytes(b"secret")
    async with household.importer():
        await household.item("movie", "Dune", 2021)
        (client.home / "Dune.2021.mkv").symlink_to(outside)
        await client.commit(client.describe("link", "Dune.2021", {"Dune.2021.mkv": 6}))
        await household.reached("link", "failed", "unsafe_source")
    assert household.library("movies") == {}
