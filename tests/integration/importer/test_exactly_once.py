"""Whatever is lost, repeated, raced or killed: every download is imported once."""

from __future__ import annotations

import asyncio
import os
import uuid
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from sluice_common.contracts import library as contract
from sluice_common.kit.errors import BusUnavailable, Fenced
from sluice_common.kit.settings import ClientSettings
from sluice_importer.place.root import MARKER
from sluice_importer.work import lease, store
from support.importer import CLIENT, Household, eventually
from support.nats import NatsForTest

FILM = {"Dune.2021.mkv": b"film"}
PLACED = "Dune (2021)/Dune (2021).mkv"


async def _completions(household: Household) -> int:
    return len(await household.published("import.completed"))


async def test_fifty_finished_downloads_before_the_first_start_are_left_alone(household: Household) -> None:
    """What was complete when the client was first seen is listed as preexisting, even if an event tells of it."""
    client = household.client
    old = [client.describe(f"old{number}", f"Dune.2021.{number}", {"Dune.2021.mkv": 4}) for number in range(50)]
    client.rows = {row.id: row for row in old}
    await client.start()
    for row in old[:5]:
        await client.completed(row)
    async with household.importer():
        item = await household.item("movie", "Dune", 2021)
        new = client.add("new", "Dune.2021", FILM)
        await client.commit(new)
        await client.completed(new)
        await client.completed(old[7])
        done = await household.reached("new", "imported")
        found = await household.imports(client=CLIENT)
        ignored = await household.imports(state="ignored")
    assert done.media_item == item.id
    assert {one.reason for one in ignored} == {"preexisting"}
    assert (len(found), len(ignored)) == (51, 50)
    assert list(household.library("movies")) == [PLACED]
    assert not [event for event in await household.published("import.queued") if "/new" not in event.subject]


async def test_a_category_that_becomes_ours_later_brings_no_backlog(household: Household) -> None:
    """Owning another category does not import what had finished in it before."""
    client = household.client
    await client.start()
    async with household.importer():
        await client.commit(client.add("old", "Dune.2021", FILM, category="films"))
    more = {"ours": "sluice", "films": "sluice"}
    wider = ClientSettings(type="deluge", url="http://127.0.0.1:1", owners=more)
    household.settings = household.settings.model_copy(update={"clients": {CLIENT: wider}})
    async with household.importer():
        await household.item("movie", "Dune", 2021)
        await household.reached("old", "ignored", "preexisting")
        await client.commit(client.add("new", "Dune.2021", FILM, category="films"))
        await household.reached("new", "imported")


async def test_repeated_events_make_one_import(household: Household) -> None:
    """The same completion again and again, beside the reconciler: one import, one file, one completion told."""
    client = household.client
    await client.start()
    async with household.importer():
        await household.item("movie", "Dune", 2021)
        row = client.add("a1", "Dune.2021", FILM)
        await client.commit(row)
        for _ in range(5):
            await client.completed(row, again=uuid.uuid4().hex)
        await household.reached("a1", "imported")
        await eventually(lambda: _completions(household), "it is told")
        for _ in range(5):
            await client.completed(row, again=uuid.uuid4().hex)
        last = client.add("a2", "Dune.2021.1080p", {"again.mkv": b"film"})
        await client.commit(last)
        await client.completed(last)
        await household.reached("a2", "imported")
        assert [event.subject for event in await household.published("import.completed")][:1] == [f"{CLIENT}/a1"]
        started = [event for event in await household.published("import.started") if event.subject == f"{CLIENT}/a1"]
    assert len(started) == 1
    assert list(household.library("movies")) == [PLACED]


async def test_a_wiped_bus_repeats_nothing_and_forgets_nothing(household: Household, nats_server: NatsForTest) -> None:
    """JetStream lost with every epoch of first sight: finished imports are adopted, new ones found without an event."""
    client = household.client
    await client.start()
    async with household.importer():
        await household.item("movie", "Dune", 2021)
        await household.item("movie", "Arrival", 2016)
        seen = client.add("seen", "Dune.2021", FILM, epoch="s1700000000000")
        stable = client.add("stable", "Arrival.2016", {"Arrival.2016.mkv": b"a"}, epoch="c1700000001")
        await client.commit(seen, stable)
        before = [await household.reached(one, "imported") for one in ("seen", "stable")]
        nats_server.kill()
        nats_server.wipe()
        nats_server.start()
        client.rows |= {"seen": msgspec.structs.replace(seen, epoch="s1800000000000")}
        client.rows |= {"missed": client.add("missed", "Dune.2021", FILM, epoch="s1800000000000")}
        await _baseline_again(household)
        await household.reached("missed", "imported")
        after = [await household.reached(one, "imported") for one in ("seen", "stable")]
    assert [one.id for one in after] == [one.id for one in before]
    assert [one.epoch for one in after] == ["s1800000000000", "c1700000001"]
    assert [one.attempt for one in after] == [one.attempt for one in before]


async def _baseline_again(household: Household) -> None:
    async def publish() -> bool:
        try:
            await household.bus.ensure_topology()
            await household.client.baseline(uuid.uuid4().hex)
        except (BusUnavailable, Fenced, TimeoutError):
            return False
        return True

    await eventually(publish, "a new keyframe is published")


async def test_two_importers_share_the_work(household: Household) -> None:
    """Two instances on one database and one bus: every download is imported once, whoever takes it."""
    client = household.client
    await client.start()
    async with household.importer(), household.importer():
        await household.item("series", "The Show")
        rows = [
            client.add(f"e{number}", f"The.Show.S01E{number:02d}", {f"The.Show.S01E{number:02d}.mkv": b"%d" % number})
            for number in range(1, 25)
        ]
        await client.commit(*rows)
        for row in rows:
            await client.completed(row)
        for row in rows:
            await household.reached(row.id, "imported")
        await eventually(lambda: _all_told(household, 24), "all are told")
        types = [event.type for event in await household.published() if event.type.startswith(("import", "file"))]
        ids = [event.id for event in await household.published()]
    counted = {one: types.count(one) for one in set(types)}
    assert counted == {"import.queued": 24, "import.started": 24, "import.completed": 24, "file.registered": 24}
    assert len(ids) == len(set(ids))
    assert len(household.library("tv")) == 24


async def _all_told(household: Household, count: int) -> bool:
    return await _completions(household) >= count


@pytest.mark.parametrize("method", ["hardlink", "copy"])
async def test_a_worker_that_dies_after_placing_is_followed_by_one_that_registers(
    household: Household, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    """Dead between the disk and the database: the successor adopts the file and registers it once."""
    libraries = {
        name: library.model_copy(update={"method": method}) for name, library in household.settings.libraries.items()
    }
    household.settings = household.settings.model_copy(update={"libraries": libraries})
    monkeypatch.setattr(store, "LEASE", timedelta(seconds=2))
    monkeypatch.setattr(lease, "BEAT", 0.4)
    client = household.client
    await client.start()
    with monkeypatch.context() as dying:
        reached = asyncio.Event()
        dying.setattr(store, "register", _hang(reached))
        dying.setattr(lease, "_give_back", _nothing)
        async with household.importer():
            await household.item("movie", "Dune", 2021)
            await client.commit(client.add("a1", "Dune.2021", FILM))
            await asyncio.wait_for(reached.wait(), 20)
            placed = household.library("movies")
            # What a SIGKILL while placing would have left:
            (household.home / "movies" / f".sluice-{(await household.imports())[0].id}-0").mkdir()
    assert list(placed) == [PLACED]
    async with household.importer():
        done = await household.reached("a1", "imported")
        await eventually(lambda: _completions(household), "it is told")
        registered = await household.published("file.registered")
        started = await household.published("import.started")
    assert household.library("movies") == placed
    assert (done.attempt, len(registered), len(started)) == (2, 1, 1)
    assert sorted(os.listdir(household.home / "movies")) == [MARKER, "Dune (2021)"]


def _hang(reached: asyncio.Event) -> Any:
    async def hang(*_: object) -> None:
        reached.set()
        await asyncio.Future()

    return hang


async def _nothing(*_: object) -> None:
    """A killed process gives no lease back."""


async def test_a_worker_that_was_overtaken_changes_nothing(
    household: Household, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Retried by a person while a worker hangs before registering: the old attempt's writes are refused."""
    client = household.client
    await client.start()
    reached, go_on = asyncio.Event(), asyncio.Event()
    real = store.write_plan

    async def slow(connection: Any, job: Any, *rest: Any) -> None:
        if job.attempt == 1:
            reached.set()
            await go_on.wait()
        await real(connection, job, *rest)

    monkeypatch.setattr(store, "write_plan", slow)
    async with household.importer():
        await household.item("movie", "Dune", 2021)
        await client.commit(client.add("a1", "Dune.2021", FILM))
        await asyncio.wait_for(reached.wait(), 20)
        (waiting,) = await household.imports()
        await household.ask("imports.retry", contract.RetryImport(id=waiting.id), contract.Import)
        done = await household.reached("a1", "imported")
        go_on.set()
        await asyncio.sleep(0.3)
        assert await household.reached("a1", "imported") == done
    assert done.attempt == 3


async def test_files_chosen_later_are_imported_too(household: Household) -> None:
    """Three of four episodes were wanted, then the fourth: the finished import is reopened and adds it."""
    client = household.client
    await client.start()
    files = {f"The.Show.S01E0{number}.mkv": b"x" * number for number in range(1, 5)}
    async with household.importer():
        await household.item("series", "The Show")
        row = client.add("pack", "The.Show.S01", files)
        *chosen, last = client.files["pack"]
        client.files["pack"] = (*chosen, msgspec.structs.replace(last, wanted=False))
        (client.home / last.path).unlink()
        await client.commit(msgspec.structs.replace(row, size=6))
        first = await household.reached("pack", "imported")
        assert len(household.library("tv")) == 3
        client.files["pack"] = (*chosen, last)
        (client.home / last.path).write_bytes(files[last.path])
        await client.commit(row)

        async def all_four() -> bool:
            return len(household.library("tv")) == 4

        await eventually(all_four, "the fourth is there")
        second = await household.reached("pack", "imported")
        assert second.id == first.id
        await eventually(lambda: _registered(household, 4), "four files are told, each once")


async def _registered(household: Household, count: int) -> bool:
    found = await household.published("file.registered")
    assert len(found) <= count
    return len(found) == count


async def test_a_slow_worker_keeps_its_lease_as_long_as_its_heart_beats(
    household: Household, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An import that takes several leases' time is nobody else's meanwhile, and holds up no other one."""
    monkeypatch.setattr(store, "LEASE", timedelta(seconds=3))
    monkeypatch.setattr(lease, "BEAT", 0.3)
    real = store.write_plan

    async def slow(connection: Any, job: Any, *rest: Any) -> None:
        if job.download_id == "slow":
            await asyncio.sleep(7)
        await real(connection, job, *rest)

    monkeypatch.setattr(store, "write_plan", slow)
    client = household.client
    await client.start()
    async with household.importer(), household.importer():
        await household.item("series", "The Show")
        await client.commit(client.add("slow", "The.Show.S01E01", {"The.Show.S01E01.mkv": b"1"}))

        async def taken() -> bool:
            return any(one.attempt for one in await household.imports(id="slow"))

        await eventually(taken, "it is taken")
        await client.commit(client.add("quick", "The.Show.S01E02", {"The.Show.S01E02.mkv": b"2"}))
        await household.reached("quick", "imported")
        assert [one.state for one in await household.imports(id="slow")] == ["waiting"]
        done = await household.reached("slow", "imported")
    assert done.attempt == 1
