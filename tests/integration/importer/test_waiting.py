"""What is not there yet is waited for, at no cost, and goes on by itself."""

from __future__ import annotations

import msgspec

from sluice_common.contracts import library as contract
from sluice_common.contracts import rpc
from support.importer import CLIENT, Household


async def test_files_that_arrive_late_are_waited_for_and_imported_once(household: Household) -> None:
    """A seedbox delivers file by file: the import waits with a count, costs no failure, then runs once."""
    client = household.client
    await client.start()
    async with household.importer():
        await household.item("series", "The Show")
        sizes = {"The.Show.S01E01.mkv": 3, "The.Show.S01E02.mkv": 3}
        await client.commit(client.describe("late", "The.Show.S01", sizes))
        (client.home / "The.Show.S01E01.mkv").write_bytes(b"abc")
        (client.home / "The.Show.S01E02.mkv").write_bytes(b"a")
        waiting = await household.reached("late", "waiting", "not_here_yet")
        assert waiting.message is not None
        assert "of 2 files" in waiting.message
        assert household.library("tv") == {}
        (client.home / "The.Show.S01E02.mkv").write_bytes(b"abc")
        done = await household.reached("late", "imported")
    assert (done.files_done, done.files_total) == (2, 2)
    assert len(household.library("tv")) == 2


async def test_a_root_without_its_marker_is_never_filled(household: Household) -> None:
    """An unmounted library: nothing is placed, no retry is spent, and it goes on once the marker is there."""
    client = household.client
    await client.start()
    (household.home / "movies" / ".sluice-root").unlink()
    async with household.importer():
        await household.item("movie", "Dune", 2021)
        await client.commit(client.add("a1", "Dune.2021", {"Dune.2021.mkv": b"film"}))
        waiting = await household.reached("a1", "waiting", "root_unavailable")
        assert household.library("movies") == {}
        shown = await household.ask("libraries.list", rpc.Empty(), contract.Libraries)
        assert {one.name: one.available for one in shown.items} == {"movies": False, "tv": True}
        status = await household.ask("libraries.init", contract.LibraryName(name="movies"), contract.LibraryStatus)
        assert status.available
        assert (await household.reached("a1", "imported")).id == waiting.id
    assert list(household.library("movies")) == ["Dune (2021)/Dune (2021).mkv"]


async def test_a_client_that_is_down_is_no_failure(household: Household) -> None:
    """Nobody answers for the client: the import waits, and goes on when the poller is back."""
    client = household.client
    await client.start()
    async with household.importer():
        await household.item("movie", "Dune", 2021)
        await client.stop()
        await client.commit(client.add("a1", "Dune.2021", {"Dune.2021.mkv": b"film"}))
        await household.reached("a1", "waiting", "client_unavailable")
        await client.answer()
        await household.reached("a1", "imported")


async def test_a_download_that_left_before_its_import_says_so(household: Household) -> None:
    """Completed, then removed: a row with the reason, and it runs when the same download is back."""
    client = household.client
    await client.start()
    async with household.importer():
        await household.item("movie", "Dune", 2021)
        row = client.add("a1", "Dune.2021", {"Dune.2021.mkv": b"film"})
        await client.completed(row)
        await household.reached("a1", "failed", "download_gone")
        await client.commit(row)
        await household.reached("a1", "imported")


async def test_paths_are_mapped_and_one_that_is_not_is_named(household: Household) -> None:
    """The client's view becomes ours by the longest prefix; outside every prefix the reason says so."""
    client = household.client
    mapped = household.settings.clients[CLIENT].model_copy(
        update={"paths": {"/data": household.home / "elsewhere", "/data/torrents": client.home}}
    )
    household.settings = household.settings.model_copy(update={"clients": {CLIENT: mapped}})
    await client.start()
    async with household.importer():
        await household.item("movie", "Dune", 2021)
        row = client.add("a1", "Dune.2021", {"Dune.2021.mkv": b"film"}, save_path="/data/torrents")
        await client.commit(
            row,
            msgspec.structs.replace(client.describe("a2", "Dune.2021", {"x.mkv": 1}), save_path="/data/other"),
            msgspec.structs.replace(client.describe("a3", "Dune.2021", {"x.mkv": 1}), save_path="/srv"),
        )
        await household.reached("a1", "imported")
        await household.reached("a2", "waiting", "source_missing")
        await household.reached("a3", "blocked", "unmapped_path")
