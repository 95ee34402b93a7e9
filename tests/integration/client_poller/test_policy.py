"""What becomes of what stays stalled: nothing unless configured, and never where it could cost somebody an account."""

from __future__ import annotations

from functools import partial

import pytest
from typing_extensions import override

from sluice_client_poller.metrics import STALL_ACTIONS
from sluice_common.bus.connect import Bus
from sluice_common.contracts.events import DownloadData
from sluice_common.kit.settings import ClientSettings, PollSettings, StalledSettings
from sluice_common.model.download import Download
from sluice_common.model.enums import State
from support.fake_client import FakeClient
from support.poller import all_events, polling
from support.waiting import until

OWNERS = {"tv": "sluice", "tv-sonarr": "sonarr"}
SETTINGS = PollSettings(fast=0.05, slow=0.05, stalled_after=1)


def configured(action: str, *, dry_run: bool = False) -> ClientSettings:
    stalled = StalledSettings.model_validate({"action": action, "after": 2, "dry_run": dry_run})
    return ClientSettings(type="deluge", url="http://127.0.0.1:1", owners=OWNERS, stalled=stalled)


def stalling() -> FakeClient:
    """One of each kind of download, and none of them gets anything."""
    client = FakeClient()
    for name, category, done, private in (
        ("ours", "tv", 5, False),
        ("private", "tv", 5, True),
        ("perhaps-private", "tv", 5, None),
        ("private-untouched", "tv", 0, True),
        ("theirs", "tv-sonarr", 5, False),
        ("nobodys", None, 5, False),
    ):
        client.put(name, state=State.DOWNLOADING, category=category, done=done, private=private)
    return client


async def test_what_is_stalled_is_paused_if_it_may_be(bus: Bus) -> None:
    """Only what is ours, and no private torrent of which there is any data; each once."""
    client = stalling()
    async with polling(bus, {"fake": client}, settings=SETTINGS, client=configured("pause")):
        await until(lambda: client.calls.count("pause") == 2, what="both to be paused")
        polls = client.polls
        await until(lambda: client.polls > polls + 40, what="two more seconds of polls")
    assert client.calls.count("pause") == 2
    paused = {name for name, row in client.rows.items() if row.state == State.PAUSED}
    assert paused == {"ours", "private-untouched"}


async def test_each_stall_is_acted_on(bus: Bus) -> None:
    """Paused, resumed by hand and stalled again without a byte: that is another stall, and it is paused again."""
    client = FakeClient()
    client.put("ours", state=State.DOWNLOADING, category="tv", done=5, private=False)
    async with polling(bus, {"fake": client}, settings=SETTINGS, client=configured("pause")):
        for number in (1, 2, 3):
            await until(partial(_executed, bus, number), what=f"pause number {number}")
            assert client.calls.count("pause") == number
            client.put("ours", state=State.DOWNLOADING)


async def _executed(bus: Bus, count: int) -> bool:
    return [event.type for event in await all_events(bus)].count("command.executed") == count


async def test_what_is_removed_keeps_its_data(bus: Bus) -> None:
    """As a cancel by the policy, which the event names."""
    client = stalling()
    async with polling(bus, {"fake": client}, settings=SETTINGS, client=configured("remove")):
        events = await until(lambda: _cancelled(bus, 2), what="two to be cancelled")
    assert events == {"fake/ours", "fake/private-untouched"}
    assert [call for call in client.calls if call.startswith("remove")] == ["remove:False"] * 2
    assert "theirs" in client.rows


async def test_a_bug_in_an_adapter_stops_no_poller(bus: Bus) -> None:
    """A policy's command that breaks our code is logged and put off; the client, and the others, are polled on."""

    class Broken(FakeClient):
        @override
        async def pause(self, download_id: str) -> None:
            self.calls.append("pause")
            raise KeyError(download_id)

    broken, well = Broken(), FakeClient("well")
    broken.put("ours", state=State.DOWNLOADING, category="tv", done=5, private=False)
    async with polling(bus, {"fake": broken, "well": well}, settings=SETTINGS, client=configured("pause")):
        await until(lambda: broken.calls.count("pause") == 1, what="a try")
        polls = broken.polls, well.polls
        await until(lambda: broken.polls > polls[0] + 3 and well.polls > polls[1] + 3, what="more polls of both")


async def _cancelled(bus: Bus, count: int) -> set[str] | None:
    events = [event for event in await all_events(bus) if event.type == "download.cancelled"]
    assert {event.read(DownloadData).actor for event in events} <= {"policy:stalled"}
    return {event.subject for event in events} if len(events) == count else None


@pytest.mark.parametrize(("action", "dry_run"), [("report", False), ("remove", True)])
async def test_what_is_only_said(bus: Bus, action: str, dry_run: bool) -> None:
    """A report and a dry run are counted and logged, and touch nothing."""
    client, counter = stalling(), STALL_ACTIONS.labels("report")
    before = counter._value.get()
    async with polling(bus, {"fake": client}, settings=SETTINGS, client=configured(action, dry_run=dry_run)):
        await until(lambda: counter._value.get() == before + 2, what="both to be reported")
    assert set(client.calls) == {"poll", "read", "close"}


@pytest.mark.parametrize("dry_run", [False, True])
async def test_what_moves_again_while_another_is_dealt_with_is_left_alone(bus: Bus, dry_run: bool) -> None:
    """The client is asked right before each command: what was true of both when they were looked at was so then."""

    class Waking(FakeClient):
        """As soon as one download is asked for, the other one gets something, of which no poll has told yet."""

        @override
        async def read(self, download_id: str) -> Download | None:
            row = await super().read(download_id)
            for other in {"a", "b"} - {download_id}:
                self.put(other, done=6)
            return row

    client, counter = Waking(), STALL_ACTIONS.labels("report" if dry_run else "pause")
    before = counter._value.get()
    for name in ("a", "b"):
        client.put(name, state=State.DOWNLOADING, category="tv", done=5, private=False)
    settings = PollSettings(fast=1.5, slow=1.5, stalled_after=1)
    async with polling(bus, {"fake": client}, settings=settings, client=configured("pause", dry_run=dry_run)):
        await until(lambda: client.calls.count("read") > 1, what="both to be asked for")
        polls = client.polls
        await until(lambda: client.polls > polls, what="a poll after what was made of that")
    assert client.calls.count("pause") == (0 if dry_run else 1)
    assert counter._value.get() == before + 1


async def test_nothing_is_done_unless_configured(bus: Bus) -> None:
    """Off by default: it is told, and that is all."""
    client = stalling()
    assert ClientSettings(type="deluge", url="http://127.0.0.1:1").stalled.action == "none"
    async with polling(bus, {"fake": client}, settings=SETTINGS, client=configured("none")):
        await until(lambda: _stalled(bus), what="all to be stalled")
        polls = client.polls
        await until(lambda: client.polls > polls + 60, what="three more seconds of polls")
    assert set(client.calls) == {"poll", "close"}


async def _stalled(bus: Bus) -> bool:
    return len([event for event in await all_events(bus) if event.type == "download.stalled"]) == len(stalling().rows)
