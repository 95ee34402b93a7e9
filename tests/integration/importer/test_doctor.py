"""The importer's side of doctor: a real importer, a real disk, and a client whose poller the test plays."""

from __future__ import annotations

import threading

import pytest

from sluice_common.contracts.doctor import AboutClient, Checkup, Finding, Findings
from sluice_importer.doctor import checkup, disk
from support.importer import PROBE, Household, eventually

Told = dict[tuple[str, str], tuple[str, str | None]]


def by_key(found: Findings) -> dict[tuple[str, str], Finding]:
    return {(one.check, one.subject): one for one in found.items}


def told(found: Findings) -> Told:
    return {key: (one.status.value, one.code) for key, one in by_key(found).items()}


async def looked(household: Household, about: AboutClient | None = None) -> Findings:
    """One run; `about` is what the client said of itself."""
    clients = {"deluge": about} if about is not None else {}
    return await household.ask("doctor", Checkup(clients=clients), Findings)


async def test_newest_first_and_the_next_where_it_is_gone(household: Household) -> None:
    """A finished file that somebody deleted is no fault while another one of the same folder is there."""
    client = household.client
    await client.start()
    old = client.add("a" * 40, "Old", {"Old/small.nfo": b"1", "Old/old.mkv": b"old film"})
    new = client.describe("b" * 40, "New", {"New/new.mkv": 7})
    async with household.importer():
        await client.commit(old, new, removed=(PROBE,))
        where = ("client.file", f"deluge {client.home}")

        async def seen() -> Findings | None:
            found = await looked(household)
            return found if told(found).get(where) == ("ok", None) else None

        found = await eventually(seen, "the file that is there is found", 40)
        assert "old.mkv" in by_key(found)[where].detail
        assert told(found)["library.link", "deluge → movies"] == ("ok", None)
        assert told(found)["library.link", "deluge → tv"] == ("ok", None)
        await client.commit(removed=("a" * 40,))

        async def missing() -> bool:
            return told(await looked(household)).get(where) == ("failed", "source_missing")

        await eventually(missing, "the missing file is told", 40)
    assert household.library("movies") == {}


async def test_what_a_silent_client_finished_is_not_told_as_nothing(household: Household) -> None:
    """What could not be asked has one finding, that of the asking: none says that nothing has finished here."""
    client = household.client
    await client.start()
    about = AboutClient(save_path=str(client.home), categories={"ours": str(client.home)})
    async with household.importer():

        async def ready() -> bool:
            return ("client.file", f"deluge {client.home}") in told(await looked(household, about))

        await eventually(ready, "the client's list is known", 40)
        await client.stop()
        found = await looked(household, about)
        assert told(found)["client.file", "deluge"][0] == "unknown"
        assert told(found)["path.mapped", f"deluge {client.home}"] == ("ok", None)
        assert not [one for one in found.items if one.check == "library.link"]
        await client.commit(removed=(PROBE,))

        async def empty() -> Findings | None:
            found = await looked(household)
            return None if ("client.file", "deluge") in told(found) else found

        found = await eventually(empty, "its log-in alone has a finding", 40)
        assert not [one for one in found.items if one.check == "library.link"]
        assert told(await looked(household, about))["client.file", "deluge"] == ("unknown", "no_finished_file")
        assert told(await looked(household, about))["library.link", "deluge → tv"] == ("unknown", "no_file")


async def test_paths_that_matter_fail_and_others_warn(household: Household) -> None:
    """A category of ours without its folder is a failure; a default folder where nothing of ours goes is a warning."""
    await household.client.start()
    about = AboutClient(save_path="/not/here", categories={"ours": "/neither", "arr": "/nor/this"})
    async with household.importer():
        found = told(await looked(household, about))
    assert found["path.mapped", "deluge /not/here"] == ("warning", "path_missing")
    assert found["path.mapped", "deluge /neither"] == ("failed", "path_missing")
    assert ("path.mapped", "deluge /nor/this") not in found


async def test_a_disk_that_hangs_is_a_finding_and_is_asked_once(
    household: Household, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other library is looked at all the same; the next run starts no second thread that would hang."""
    come_back, hung = threading.Event(), list[str]()
    real = disk.look_at_library

    def hang(name: str, *more: object) -> list[Finding]:
        if name == "tv":
            hung.append(name)
            come_back.wait(60)
        return real(name, *more)  # type: ignore[arg-type]  # handed on as it came

    monkeypatch.setattr(disk, "look_at_library", hang)
    monkeypatch.setattr(checkup, "DISK_WITHIN", 1.0)
    await household.client.start()
    async with household.importer():
        for _ in range(2):
            found = told(await looked(household))
            assert found["library.root", "tv"] == ("failed", "disk_hangs")
            assert found["library.marker", "movies"] == ("ok", None)
        assert hung == ["tv"]
        come_back.set()

        async def well() -> bool:
            return told(await looked(household)).get(("library.marker", "tv")) == ("ok", None)

        await eventually(well, "the disk is back", 40)
