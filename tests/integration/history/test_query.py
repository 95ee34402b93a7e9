"""The timeline of a download, and the pages of everything."""

from __future__ import annotations

import random

import pytest

from sluice_common.bus.connect import Bus
from sluice_common.bus.rpc import call
from sluice_common.contracts import subjects
from sluice_common.contracts.history import HistoryEntry, HistoryQuery
from sluice_common.contracts.rpc import Page
from sluice_common.db.pool import Database
from sluice_common.kit.errors import Problem
from sluice_history import store
from sluice_history.entry import entry_of
from sluice_history.query import answer, serve_queries
from support.history import an_event, recorded


async def _store(db: Database, *events: object) -> None:
    for event in events:
        async with db.transaction() as connection:
            await store.record(connection, [entry_of(event)])  # type: ignore[arg-type]  # events


async def _ask(bus: Bus, query: HistoryQuery) -> Page[HistoryEntry]:
    return await call(bus, subjects.rpc("history", "list"), query, Page[HistoryEntry], request_id="r")


async def test_a_timeline_is_in_the_order_of_event_times(db: Database) -> None:
    """Late events take their place: the order is that of the facts, not of their arrival."""
    life = [
        an_event(1, "download.added", download="a"),
        an_event(2, "download.started", download="a"),
        an_event(3, "download.completed", download="a"),
        an_event(4, "import.completed", download="a"),
        an_event(5, "download.removed", download="a"),
    ]
    late_first = [*life, an_event(2, download="b")]
    random.Random(1).shuffle(late_first)
    await _store(db, *late_first)
    timeline = await recorded(db, client="deluge", id="a")
    assert [entry.type for entry in timeline] == [event.type for event in life]
    assert [entry.time for entry in timeline] == [event.time for event in life]


async def test_pages_join_without_gap_or_repetition(bus: Bus, db: Database) -> None:
    """Both orders, over RPC, with many events at one time and new ones coming in between the pages."""
    events = [an_event(number // 5, download=f"d{number}") for number in range(60)]
    async with db.transaction() as connection:
        await store.record(connection, [entry_of(event) for event in events])
    serving = await serve_queries(bus, db)
    for oldest_first in (True, False):
        seen: list[HistoryEntry] = []
        query = HistoryQuery(limit=7, oldest_first=oldest_first)
        while True:
            page = await _ask(bus, query)
            seen.extend(page.items)
            await _store(db, an_event(0 if oldest_first else 99, download=f"later{len(seen)}-{oldest_first}"))
            if page.next is None:
                break
            query = HistoryQuery(limit=7, oldest_first=oldest_first, cursor=page.next)
        keys = [(entry.time, entry.id) for entry in seen]
        assert keys == sorted(keys, reverse=not oldest_first)
        assert len(set(keys)) == len(keys)
        assert {event.id for event in events} <= {entry.id for entry in seen}
    await serving.stop()


async def test_a_page_fits_a_message(bus: Bus, db: Database) -> None:
    """Large entries make short pages, never a reply that the bus refuses."""
    events = [an_event(number, name="x" * 20_000) for number in range(100)]
    async with db.transaction() as connection:
        await store.record(connection, [entry_of(event) for event in events])
    serving = await serve_queries(bus, db)
    page = await _ask(bus, HistoryQuery(limit=1000))
    assert 10 < len(page.items) < 30
    assert page.next is not None
    assert len(await recorded(db)) == 100
    await serving.stop()


async def test_filters(db: Database) -> None:
    """By client, download, exact type and the type's first word."""
    await _store(db, an_event(1), an_event(2, "import.completed"), an_event(3, "import.blocked", download="d1"))
    assert [entry.type for entry in await recorded(db, type="import")] == ["import.completed", "import.blocked"]
    assert [entry.type for entry in await recorded(db, type="import.blocked", id="d1")] == ["import.blocked"]
    assert await recorded(db, client="other") == []
    assert await recorded(db, type="imp") == []
    assert await recorded(db, id="d1'; --") == []


async def test_a_bad_cursor_is_refused(db: Database) -> None:
    """What is no cursor of ours is a 400 that says what to do."""
    with pytest.raises(Problem, match="bad_cursor"):
        await answer(db, HistoryQuery(cursor="nonsense"))
