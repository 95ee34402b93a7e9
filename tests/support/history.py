"""What history's tests share: events, what is recorded, and waiting for it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta

from nats.errors import Error as NatsError
from nats.js.errors import APIError

from sluice_common.bus.connect import Bus
from sluice_common.contracts import codec, subjects
from sluice_common.contracts.events import DownloadData, Event, event_id, make, subject_of
from sluice_common.contracts.history import HistoryEntry, HistoryQuery
from sluice_common.db.pool import Database
from sluice_history.query import answer
from support.waiting import PATIENCE

T0 = datetime(2026, 1, 1, tzinfo=UTC)
Start = Callable[[Callable[[], Awaitable[None]]], "asyncio.Task[None]"]


def an_event(number: int, kind: str = "download.added", *, download: str | None = None, name: str = "Film") -> Event:
    """Event number `number`, a second after the one before."""
    download = download or f"d{number}"
    data = DownloadData(client="deluge", id=download, epoch="c1", name=name)
    time_of_it = T0 + timedelta(seconds=number)
    return make(event_id(kind, download, number), kind, "client-poller", time_of_it, data)


async def publish(bus: Bus, events: Sequence[Event], *, again: str = "") -> None:
    """Publish, insisting while NATS is away. With `again` the stream cannot tell that an event is a repetition."""
    for event in events:
        while True:
            try:
                headers = {"Nats-Msg-Id": event.id + again}
                body = codec.to_json(event)
                await bus.js.publish(subject_of(event), body, stream=subjects.EVENTS, headers=headers, timeout=1)
                break
            except (TimeoutError, NatsError, APIError):
                await asyncio.sleep(0.1)


async def recorded(db: Database, **query: object) -> list[HistoryEntry]:
    """Everything recorded, oldest first, through the pages of the query."""
    entries: list[HistoryEntry] = []
    cursor: str | None = None
    while True:
        page = await answer(db, HistoryQuery(cursor=cursor, limit=500, oldest_first=True, **query))  # type: ignore[arg-type]  # filters by name
        entries.extend(page.items)
        if page.next is None:
            return entries
        cursor = page.next


async def eventually(condition: Callable[[], Awaitable[bool]], what: str, within: float = 40.0) -> None:
    """Wait until the condition holds; an AssertionError with `what` after `within` seconds."""
    deadline = time.monotonic() + within * PATIENCE
    while not await condition():
        assert time.monotonic() < deadline, f"not within {within} s: {what}"
        await asyncio.sleep(0.05)
