"""What a download is for: noted before it is added, found again by it, gone when it is done."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from sluice_common.contracts import library as contract
from sluice_common.contracts import rpc
from sluice_common.contracts.commands import Add
from sluice_common.db.pool import open_pool
from sluice_common.kit.errors import Problem
from sluice_common.kit.settings import PostgresSettings
from sluice_importer.associate import lifecycle
from sluice_importer.work.intake import reconcile
from support.importer import CLIENT, PROBE, Household, eventually
from support.postgres import PostgresForTest

MAGNET = Add(magnet="magnet:?xt=urn:btih:" + "a" * 40, category="ours", save_path="/downloads")


async def _associate(household: Household, download_id: str, **more: Any) -> contract.Association:
    fields = {"request_id": f"r-{download_id}", "client": CLIENT, "download_id": download_id, "source": MAGNET}
    return await household.ask("associate", contract.Associate(**{**fields, **more}), contract.Association)


async def _state(household: Household, download_id: str) -> tuple[str, str | None]:
    """Its state and epoch, as repeating the association answers: one that exists is reused."""
    found = await _associate(household, download_id)
    return found.state, found.epoch


async def test_an_association_beats_every_name_and_ends_with_the_import(household: Household) -> None:
    """Bound to an item when it was added: filed there although its name says something else, then closing."""
    client = household.client
    await client.start()
    async with household.importer():
        wanted = await household.item("movie", "Dune", 2021)
        await household.item("movie", "Arrival", 2016)
        made = await _associate(household, "a1", media_item=wanted.id)
        assert (made.state, made.media_item) == ("pending", wanted.id)
        asked = contract.AssociationOf(client=CLIENT, download_id="a1")
        assert await household.ask("association", asked, contract.Association) == made
        with pytest.raises(Problem, match="unknown_association"):
            await household.ask("association", msgspec.structs.replace(asked, download_id="a2"), contract.Association)
        await client.commit(client.add("a1", "Arrival.2016.1080p", {"Arrival.2016.mkv": b"film"}))
        done = await household.reached("a1", "imported")
        assert done.media_item == wanted.id
        again = await _associate(household, "a1", request_id="another")
    assert (again.state, again.media_item) == ("pending", wanted.id)
    assert list(household.library("movies")) == ["Dune (2021)/Dune (2021).mkv"]


async def test_an_association_is_bound_while_its_download_is_there_and_closes_when_it_goes(
    household: Household, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pending until the table shows the download, bound to its epoch, reused meanwhile, closed and deleted after it."""
    monkeypatch.setattr(lifecycle, "KEPT_CLOSING", timedelta(seconds=1))
    client = household.client
    await client.start()
    async with household.importer():
        await _associate(household, "a1")
        row = client.describe("a1", "Dune.2021", {"x.mkv": 1}, is_complete=False, epoch="c42")
        await client.commit(row)

        async def bound() -> bool:
            return await _state(household, "a1") == ("bound", "c42")

        await eventually(bound, "it is bound")
        await client.commit(removed=["a1"])

        async def gone() -> bool:
            with pytest.raises(Problem, match="unknown_source"):
                await _source(household, "a1")
            return True

        await eventually(lambda: _quietly(gone), "it is deleted")


async def test_a_download_that_lost_its_category_is_what_it_was_added_as(household: Household) -> None:
    """Deluge labels what it holds already; a death in between leaves no label, and what we were asked for stands."""
    client = household.client
    await client.start()
    async with household.importer():
        await household.item("movie", "Dune", 2021)
        await _associate(household, "a1")
        await _associate(household, "a2", source=Add(magnet=MAGNET.magnet, category="not-ours"))
        ours, other = {"Dune.2021.mkv": b"film"}, {"Dune.2021.2160p.mkv": b"other"}
        await client.commit(client.add("a2", "Dune.2021.2160p", other, category=None))
        await client.commit(client.add("a1", "Dune.2021", ours, category=None))
        done = await household.reached("a1", "imported")
        assert [one.id for one in await household.imports()] == [done.id]


async def test_a_hybrid_is_what_it_was_added_as_whatever_its_client_calls_it(household: Household) -> None:
    """Added by its v1 hash, listed by its v2 hash: filed as meant though complete at once, and found for a retry.

    qBittorrent lists hybrids by the first half of their v2 hash (seen with 4.5.2).
    """
    client = household.client
    await client.start()
    v1, v2 = "a" * 40, "b" * 40
    async with household.importer():
        wanted = await household.item("movie", "Dune", 2021)
        await _associate(household, v1, media_item=wanted.id)
        row = client.add(v2, "zxqv-0001", {"zxqv-0001.mkv": b"film"}, aliases=(v1,))
        await client.commit(row)
        await client.completed(row)
        done = await household.reached(v2, "imported")
        assert done.media_item == wanted.id
        await eventually(lambda: _is_known(household, v2), "its source is known by the name that it has")
        assert not await _is_known(household, v1)


async def _is_known(household: Household, download_id: str) -> bool:
    try:
        return (await _source(household, download_id)).magnet == MAGNET.magnet
    except Problem:
        return False


async def _quietly(ask: Any) -> bool:
    try:
        return bool(await ask())
    except pytest.fail.Exception:
        return False


async def test_a_retry_keeps_what_the_download_is_for(
    household: Household, monkeypatch: pytest.MonkeyPatch, database: PostgresSettings
) -> None:
    """Seen gone between its removal and its new add, complete at once under a new epoch: filed as it was meant."""
    client = household.client
    await client.start()
    async with household.importer():
        wanted = await household.item("movie", "Dune", 2021)
        await household.item("movie", "Arrival", 2016)
        await _associate(household, "a1", media_item=wanted.id)
        await client.commit(client.describe("a1", "Arrival.2016", {"x.mkv": 1}, is_complete=False, epoch="c1"))
        await eventually(lambda: _is(database, "bound"), "it is bound")
        await client.commit(removed=["a1"])
        await eventually(lambda: _is(database, "closing"), "it was seen gone")
        # Only what copies the association into the import is asked: nothing reopens it first.
        monkeypatch.setattr(reconcile, "step", lambda life, *_: life)
        row = client.add("a1", "Arrival.2016.1080p", {"Arrival.2016.mkv": b"film"}, epoch="c2")
        await client.commit(row)
        await client.completed(row)
        done = await household.reached("a1", "imported")
    assert done.media_item == wanted.id
    assert list(household.library("movies")) == ["Dune (2021)/Dune (2021).mkv"]


async def _is(database: PostgresSettings, state: str) -> bool:
    async with open_pool(database, application="test") as db, db.connection() as connection:
        return bool(await connection.fetchval("SELECT state FROM library.downloads") == state)


async def test_a_repeated_request_changes_nothing_and_a_refused_add_is_withdrawn(household: Household) -> None:
    """One request id makes one association; withdrawing forgets a pending one; unknown things are refused."""
    await household.client.start()
    async with household.importer():
        first, second = await _associate(household, "a1"), await _associate(household, "a1")
        assert first == second
        with pytest.raises(Problem, match="unknown_media_item") as refused:
            await _associate(household, "a2", media_item="nothing")
        assert refused.value.status == 404
        with pytest.raises(Problem, match="unknown_client"):
            await _associate(household, "a2", client="nobody")
        with pytest.raises(Problem, match="bad_source"):
            await _associate(household, "a2", source=Add())
        await household.ask("withdraw", contract.Withdraw(request_id="r-a1"), rpc.Empty)
        with pytest.raises(Problem, match="unknown_source"):
            await _source(household, "a1")


async def test_a_second_add_that_is_refused_takes_nothing_from_the_first(household: Household) -> None:
    """Added twice at once, the second a duplicate: withdrawing it leaves the association that the first one made."""
    await household.client.start()
    async with household.importer():
        wanted = await household.item("movie", "Dune", 2021)
        await _associate(household, "a1", request_id="first", media_item=wanted.id)
        second = await _associate(household, "a1", request_id="second")
        assert (second.request_id, second.media_item) == ("first", wanted.id)
        await household.ask("withdraw", contract.Withdraw(request_id="second"), rpc.Empty)
        assert (await _source(household, "a1")).magnet == MAGNET.magnet
        await household.ask("withdraw", contract.Withdraw(request_id="first"), rpc.Empty)
        with pytest.raises(Problem, match="unknown_source"):
            await _source(household, "a1")


async def test_a_request_id_is_one_downloads(household: Household) -> None:
    """Used again for another download it is refused, pending or bound, and what it made stays; also both at once."""
    await household.client.start()
    async with household.importer():
        for download_id in ("a1", PROBE):
            await _associate(household, download_id, request_id=f"r-{download_id}")
        await eventually(lambda: _is_bound(household), "one is bound")
        for used in ("a1", PROBE):
            with pytest.raises(Problem, match="key_reused") as refused:
                await _associate(household, "a2", request_id=f"r-{used}")
            assert refused.value.status == 422
            assert (await _source(household, used)).magnet == MAGNET.magnet
        both = [_associate(household, f"b{number}", request_id="one") for number in range(2)]
        answers = await asyncio.gather(*both, return_exceptions=True)
        assert sorted(getattr(answer, "code", "made") for answer in answers) == ["key_reused", "made"]


async def _is_bound(household: Household) -> bool:
    return (await _associate(household, PROBE)).state == "bound"


async def test_the_source_comes_back_in_pages(household: Household) -> None:
    """A .torrent of 1 MB travels in slices that each fit a message, and is the same bytes again."""
    torrent = bytes(range(256)) * 4096
    await household.client.start()
    async with household.importer():
        await _associate(household, "a1", source=Add(torrent=torrent, save_path="/x"))
        found, start = b"", 0
        while True:
            page = await _source(household, "a1", start)
            assert page.save_path == "/x"
            found += page.torrent or b""
            if page.next is None:
                break
            start = page.next
        with pytest.raises(Problem, match="too_large"):
            await _associate(household, "a2", source=Add(torrent=b"x" * (5 * 1024 * 1024 + 1)))
    assert found == torrent


async def _source(household: Household, download_id: str, start: int = 0) -> contract.Source:
    asked = contract.SourceOf(client=CLIENT, download_id=download_id, start=start)
    return await household.ask("source", asked, contract.Source)


async def test_lists_come_in_pages_and_items_are_made_once(household: Household) -> None:
    """Cursors walk every item once, newest first; the same title and year is the same item; nonsense is refused."""
    await household.client.start()
    async with household.importer():
        made = [await household.item("movie", f"Film {number}", 2000 + number) for number in range(5)]
        assert await household.item("movie", "film  3", 2003) == made[3]
        seen: list[str] = []
        cursor: str | None = None
        while True:
            asked = contract.Listing(limit=2, cursor=cursor, kind="movie")
            page = await household.ask("media.list", asked, rpc.Page[contract.MediaItem])
            seen += [item.id for item in page.items]
            cursor = page.next
            if cursor is None:
                break
        assert seen == [item.id for item in reversed(made)]
        found = await household.ask("media.list", contract.Listing(search="FILM 2"), rpc.Page[contract.MediaItem])
        assert [item.id for item in found.items] == [made[2].id]
        for bad, code in (("book", "bad_kind"), ("movie", "bad_title")):
            with pytest.raises(Problem, match=code):
                await household.item(bad, "" if code == "bad_title" else "x")
        with pytest.raises(Problem, match="bad_cursor"):
            await household.ask("imports.list", contract.Listing(cursor="?"), rpc.Page[contract.Import])
        with pytest.raises(Problem, match="unknown_import"):
            await household.ask("imports.get", contract.ImportId(id="none"), contract.Import)
        with pytest.raises(Problem, match="unknown_library"):
            await household.ask("libraries.init", contract.LibraryName(name="none"), contract.LibraryStatus)
        with pytest.raises(Problem, match="bad_text"):
            await household.imports(search="a\0b")


@pytest.mark.embedded_only
async def test_while_the_database_is_away_questions_are_refused_as_such(
    household: Household, postgres_server: PostgresForTest
) -> None:
    """A killed PostgreSQL is a 503 that says so, for reads and for writes; afterwards everything works again."""
    await household.client.start()
    async with household.importer():
        postgres_server.kill()
        try:
            for ask in (household.imports, lambda: _associate(household, "a1")):
                with pytest.raises(Problem, match="database_unavailable") as refused:
                    await ask()
                assert refused.value.status == 503
        finally:
            postgres_server.start()
        await eventually(lambda: _quietly_associated(household), "it answers again")


async def _quietly_associated(household: Household) -> bool:
    try:
        return bool(await _associate(household, "a1"))
    except Problem:
        return False
