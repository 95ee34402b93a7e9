"""Channels: what is told is exactly the difference to what was told before."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice_common.contracts.frames import Table
from sluice_common.model.download import Download
from sluice_gateway.live.rows import Entry
from sluice_gateway.live.streams import Channel, Hub, Subscriber
from sluice_gateway.live.tables import LiveQueue
from sluice_gateway.live.views import Filter, Order, View
from unit.gateway.made import row


class Plain:
    """Rows as (id, name, stale)."""

    def __init__(self) -> None:
        self.is_stale = False
        self.asked = 0

    def rows(self, entries: Sequence[Entry]) -> list[tuple[str, str, bool]]:
        return [(entry.download.id, entry.download.name, self.is_stale) for entry in entries]

    def stale(self, client: str) -> bool:
        return self.is_stale

    def troubles(self) -> list[str]:
        self.asked += 1
        return ["deluge"] if self.is_stale else []


class Reader:
    """Keeps what a subscriber would show, from nothing but its messages."""

    def __init__(self, subscriber: Subscriber) -> None:
        self._subscriber = subscriber
        self.rows: dict[str, list[Any]] = {}
        self.order: list[str] = []
        self.messages: list[tuple[str, Any]] = []

    async def read(self) -> None:
        while (wire := await self._subscriber.next(0)) is not None:
            fields = dict(line.split(": ", 1) for line in wire.decode().strip().split("\n"))
            document = msgspec.json.decode(fields["data"])
            self.messages.append((fields["event"], document))
            if fields["event"] == "view":
                self.rows = {item[0]: item for item in document["items"]}
                self.order = list(self.rows)
                continue
            for item in document["upserts"]:
                self.rows[item[0]] = item
            for _, gone in document["removed"]:
                del self.rows[gone]
            self.order = [download_id for _, download_id in document.get("order") or ()] or self.order
            self.order = [download_id for download_id in self.order if download_id in self.rows]


def set_rows(queue: LiveQueue, rows: Sequence[Download]) -> None:
    queue.replace("deluge", Table("i", 1, 1, 0, datetime(2026, 1, 1, tzinfo=UTC), {one.id: one for one in rows}, {}))


TABLES = st.lists(
    st.tuples(st.sampled_from("abcdef"), st.sampled_from(["1", "2", "3"])), unique_by=lambda pair: pair[0], max_size=6
)


@given(st.lists(st.tuples(TABLES, st.booleans()), max_size=6), st.integers(1, 4))
async def test_a_reader_of_changes_holds_the_view(steps: list[tuple[list[tuple[str, str]], bool]], limit: int) -> None:
    """Whoever applies view and changes holds what the window shows, its order and staleness included."""
    queue, renders = LiveQueue({"deluge": {}}), Plain()
    view = await queue.view(Filter(), Order("name"))
    channel: Channel[tuple[str, str, bool], str] = Channel(queue, renders, view, limit)
    subscriber = Subscriber()
    reader = Reader(subscriber)
    channel.join(subscriber)
    for rows, stale in steps:
        set_rows(queue, [row(download_id, name=name) for download_id, name in rows])
        renders.is_stale = stale
        channel.publish()
    await reader.read()
    shown = [queue.get(key[2], key[3]) for key in view.page(None, limit)]
    expected = [list(item) for item in renders.rows([entry for entry in shown if entry is not None])]
    assert [reader.rows[download_id] for download_id in reader.order] == expected
    assert len(reader.rows) == len(expected)


async def watched(limit: int = 10) -> tuple[LiveQueue, Channel[tuple[str, str, bool], str], Subscriber]:
    queue = LiveQueue({"deluge": {}})
    view: View = await queue.view(Filter(), Order("name"))
    set_rows(queue, [row("a"), row("b")])
    channel: Channel[tuple[str, str, bool], str] = Channel(queue, Plain(), view, limit)
    subscriber = Subscriber(backlog=2)
    channel.join(subscriber)
    return queue, channel, subscriber


async def test_nothing_is_told_when_nothing_changed() -> None:
    """A look that finds what was told before stays silent."""
    _, channel, subscriber = await watched()
    reader = Reader(subscriber)
    channel.publish()
    await reader.read()
    assert [name for name, _ in reader.messages] == ["view"]


async def test_a_subscriber_that_falls_behind_is_cut_off() -> None:
    """It is told so once, gets nothing more, and the others get everything."""
    queue, channel, slow = await watched()
    fast, cut = Subscriber(backlog=50), list[str]()
    channel.join(fast)
    slow.on_overflow = lambda: cut.append("slow")
    for number in range(5):
        set_rows(queue, [row("a", name=f"a{number}"), row("b")])
        channel.publish()
    assert cut == ["slow"]
    assert slow.overflowed.is_set()
    assert channel.subscribers == {fast}
    reader = Reader(fast)
    await reader.read()
    assert [name for name, _ in reader.messages] == ["view", *["change"] * 5]
    assert reader.rows["a"][1] == "a4"


async def test_a_newcomer_is_told_what_is_now() -> None:
    """A change that is still held back for the others is in its view, and then in theirs."""
    queue, channel, subscriber = await watched()
    set_rows(queue, [row("a", name="new"), row("b")])
    newcomer = Subscriber()
    channel.join(newcomer)
    late, early = Reader(newcomer), Reader(subscriber)
    await late.read()
    await early.read()
    assert late.rows["a"][1] == "new"
    assert [name for name, _ in late.messages] == ["view"]
    assert [name for name, _ in early.messages] == ["view", "change"]
    assert early.rows == late.rows


async def test_an_idle_look_looks_at_no_row(monkeypatch: pytest.MonkeyPatch) -> None:
    """A viewer of ten thousand rows that idle costs nothing; what time alone changes is told all the same."""
    queue, renders = LiveQueue({"deluge": {}}), Plain()
    set_rows(queue, [row("a"), row("b")])
    hub: Hub[tuple[str, str, bool], str] = Hub(queue, renders)
    async with hub.subscribe(Filter(), Order("name"), 10) as some, hub.subscribe(Filter(), Order("size"), 5) as other:
        asked = renders.asked
        monkeypatch.setattr(View, "page", None)
        hub.publish()
        monkeypatch.undo()
        assert renders.asked == asked + 1, "once for all windows"
        renders.is_stale = True
        hub.publish()
        for subscriber in (some, other):
            reader = Reader(subscriber)
            await reader.read()
            assert [name for name, _ in reader.messages] == ["view", "change"]
            assert all(stale for _, _, stale in reader.rows.values())
