"""Media items: made once, corrected, and forgotten only while nothing depends on them."""

from __future__ import annotations

import pytest

from sluice_common.contracts import library as contract
from sluice_common.contracts import rpc
from sluice_common.contracts.commands import Add
from sluice_common.kit.errors import Problem
from support.importer import CLIENT, Household, eventually


async def ensure(household: Household, title: str, year: int | None = None) -> contract.KnownMediaItem:
    asked = contract.NewMediaItem(kind="movie", title=title, year=year)
    return await household.ask("media.create", asked, contract.KnownMediaItem)


async def rename(household: Household, item_id: str, title: str, year: int | None = None) -> contract.MediaItem:
    asked = contract.RenamedMediaItem(id=item_id, title=title, year=year)
    return await household.ask("media.rename", asked, contract.MediaItem)


async def remove(household: Household, item_id: str) -> contract.MediaItem:
    return await household.ask("media.remove", contract.MediaItemId(id=item_id), contract.MediaItem)


async def titles(household: Household) -> set[tuple[str, int | None]]:
    page = await household.ask("media.list", contract.Listing(), rpc.Page[contract.MediaItem])
    return {(item.title, item.year) for item in page.items}


async def refused(household: Household, item_id: str) -> Problem:
    """How the removal of what is in use is refused; it stays known."""
    with pytest.raises(Problem) as refusal:
        await remove(household, item_id)
    assert (refusal.value.code, refusal.value.status) == ("media_item_in_use", 409)
    return refusal.value


async def test_whether_it_was_known_is_told(household: Household) -> None:
    """The first one makes it, the second finds it, whatever the spelling."""
    await household.client.start()
    async with household.importer():
        first, second = await ensure(household, "Dune", 2021), await ensure(household, "DUNE!", 2021)
    assert (first.is_new, second.is_new) == (True, False)
    assert first.id == second.id


async def test_a_title_is_corrected(household: Household) -> None:
    """Names are matched by the new title; a year that is not given stays; the identity of another is refused."""
    await household.client.start()
    async with household.importer():
        item, other = await ensure(household, "Dunno", 2021), await ensure(household, "Sintel", 2010)
        renamed = await rename(household, item.id, "  Dune ")
        assert (renamed.id, renamed.title, renamed.year) == (item.id, "Dune", 2021)
        for asked, code, status in (
            ((other.id, "dune", 2021), "media_item_exists", 409),
            (("nobody", "Dune"), "unknown_media_item", 404),
            ((item.id, " "), "bad_title", 422),
            ((item.id, "Dune", 1), "bad_year", 422),
        ):
            with pytest.raises(Problem) as refusal:
                await rename(household, *asked)
            assert (refusal.value.code, refusal.value.status) == (code, status)
        assert await titles(household) == {("Dune", 2021), ("Sintel", 2010)}
        assert (await rename(household, item.id, "DUNE")).title == "DUNE"
        row = household.client.add("a1", "Dune.2021.1080p-GRP", {"Dune.2021.mkv": b"film"})
        await household.client.commit(row)
        assert (await household.reached("a1", "imported")).media_item == item.id


async def test_only_what_nothing_depends_on_is_forgotten(household: Household) -> None:
    """Files, imports and downloads hold an item; the refusal counts them and says what can be done."""
    client = household.client
    await client.start()
    async with household.importer():
        unused, filed = await ensure(household, "Mistake"), await ensure(household, "Dune", 2021)
        waits = await ensure(household, "Waits")
        assert (await remove(household, unused.id)).title == "Mistake"
        with pytest.raises(Problem, match="unknown_media_item"):
            await remove(household, unused.id)
        source = Add(magnet="magnet:?xt=urn:btih:" + "a" * 40)
        asked = contract.Associate(
            request_id="r", client=CLIENT, download_id="a" * 40, source=source, media_item=waits.id
        )
        await household.ask("associate", asked, contract.Association)
        assert "1 downloads" in (await refused(household, waits.id)).detail
        await household.ask("withdraw", contract.Withdraw(request_id="r"), rpc.Empty)
        assert (await remove(household, waits.id)).title == "Waits"
        await client.commit(client.add("a1", "Dune.2021.1080p-GRP", {"Dune.2021.mkv": b"film"}))
        await household.reached("a1", "imported")

        async def registered() -> bool:
            return "1 files, 1 imports" in (await refused(household, filed.id)).detail

        await eventually(registered, "its file is registered")
        assert "sluice media rename" in (await refused(household, filed.id)).detail
        assert await titles(household) == {("Dune", 2021)}
