"""What changed in a view, computed once for everybody who watches the same one, at most four times a second.

Knows nothing of HTTP: a subscriber is a bounded queue. One that does not keep up is cut off, never silently skipped.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from itertools import islice
from typing import Generic, Protocol, TypeVar

import msgspec

from sluice_gateway.live.rows import Entry, Key
from sluice_gateway.live.tables import LiveQueue
from sluice_gateway.live.views import Filter, Order, View

WINDOW = 0.25
# Staleness comes with time alone: every view is looked at this often even if no row changed, in seconds.
IDLE_LOOK = 1.0
# Four seconds of changes beyond what the socket holds.
BACKLOG = 16

Window = tuple[Filter, Order, int]
RowT = TypeVar("RowT")
TroubleT = TypeVar("TroubleT")


class Renders(Protocol[RowT, TroubleT]):
    """Turns entries into the rows that people get."""

    def rows(self, entries: Sequence[Entry]) -> list[RowT]:
        """Rows, all judged at one moment."""

    def stale(self, client: str) -> bool:
        """Whether the client's rows are stale now."""

    def troubles(self) -> list[TroubleT]:
        """Clients to be named."""


class Event(msgspec.Struct, frozen=True):
    """One message of a stream: its name, the position it stands for, its document as JSON (which has no line break)."""

    name: str
    id: str
    data: bytes

    def wire(self) -> bytes:
        """As `text/event-stream` wants it."""
        return b"".join((f"id: {self.id}\nevent: {self.name}\ndata: ".encode(), self.data, b"\n\n"))


class ViewDocument(msgspec.Struct, Generic[RowT, TroubleT], frozen=True, kw_only=True):
    """`event: view`: everything that is in the window."""

    items: list[RowT]
    total: int
    clients: list[TroubleT]


class ChangeDocument(msgspec.Struct, Generic[RowT, TroubleT], frozen=True, kw_only=True, omit_defaults=True):
    """`event: change`: rows to set, rows that left the window, and what else is no longer as it was told."""

    upserts: list[RowT]
    removed: list[Key]
    total: int
    order: list[Key] | None = None
    clients: list[TroubleT] | None = None


class Subscriber:
    """One watcher. `overflowed` is set when it was cut off, `ended` when we stop."""

    def __init__(self, backlog: int = BACKLOG) -> None:
        self._queue: asyncio.Queue[bytes] = asyncio.Queue(backlog)
        self.overflowed = asyncio.Event()
        self.ended = False
        self.on_overflow: Callable[[], None] | None = None

    def offer(self, event: bytes) -> bool:
        """Hand over an encoded event; False when the subscriber is too far behind and gets nothing more."""
        if self.overflowed.is_set():
            return False
        try:
            self._queue.put_nowait(event)
        except asyncio.QueueFull:
            self.overflowed.set()
            if self.on_overflow is not None:
                self.on_overflow()
            return False
        return True

    def end(self) -> None:
        """There is nothing more to come; wakes who waits for the next event."""
        self.ended = True
        if self._queue.empty():
            self._queue.put_nowait(b"")

    async def next(self, within: float) -> bytes | None:
        """The next event, None when there was none `within` that many seconds."""
        try:
            async with asyncio.timeout(within):
                return await self._queue.get()
        except TimeoutError:
            return None


class Mood(Generic[RowT, TroubleT]):
    """How the clients are at one moment: asked once, however many channels want to know."""

    def __init__(self, renders: Renders[RowT, TroubleT]) -> None:
        self.troubles = renders.troubles()
        self._renders = renders
        self._stale: dict[str, bool] = {}

    def stale(self, client: str) -> bool:
        """Whether the client's rows are stale."""
        if client not in self._stale:
            self._stale[client] = self._renders.stale(client)
        return self._stale[client]


class _Shown(msgspec.Struct, frozen=True):
    """What the watchers of a channel were last told, and of which version of the view that is."""

    version: int
    entries: dict[Key, Entry]
    stale: dict[str, bool]
    total: int
    troubles: object

    def holds(self, version: int, mood: Mood[RowT, TroubleT]) -> bool:
        """Whether there can be nothing new to tell; costs nothing per row."""
        return (
            version == self.version
            and mood.troubles == self.troubles
            and all(mood.stale(client) == stale for client, stale in self.stale.items())
        )


class Channel(Generic[RowT, TroubleT]):
    """One window, its watchers, and what they know."""

    def __init__(self, live: LiveQueue, renders: Renders[RowT, TroubleT], view: View, limit: int) -> None:
        self.view = view
        self.subscribers: set[Subscriber] = set()
        self._live = live
        self._renders = renders
        self._limit = limit
        self._shown = self._look(Mood(renders))

    @property
    def shown(self) -> Collection[Key]:
        """The rows in the window, as they were told last."""
        return self._shown.entries.keys()

    def join(self, subscriber: Subscriber) -> None:
        """Tell the newcomer everything; from then on it gets what all get."""
        self.publish()  # so that what it is told is what the others know
        rows = self._renders.rows(list(self._shown.entries.values()))
        document = ViewDocument(items=rows, total=self._shown.total, clients=self._renders.troubles())
        subscriber.offer(Event("view", self._live.position_text(), msgspec.json.encode(document)).wire())
        self.subscribers.add(subscriber)

    def publish(self, mood: Mood[RowT, TroubleT] | None = None) -> None:
        """Compare with what was told last, and tell the difference, encoded once."""
        now = mood or Mood(self._renders)
        if self._shown.holds(self.view.version, now):
            return
        before, self._shown = self._shown, self._look(now)
        document = self._difference(before, self._shown)
        if document is None or not self.subscribers:
            return
        event = Event("change", self._live.position_text(), msgspec.json.encode(document)).wire()
        self.subscribers = {subscriber for subscriber in self.subscribers if subscriber.offer(event)}

    def _look(self, mood: Mood[RowT, TroubleT]) -> _Shown:
        entries: dict[Key, Entry] = {}
        for _, _, client, download_id in self.view.page(None, self._limit):
            entry = self._live.get(client, download_id)
            if entry is not None:
                entries[entry.key] = entry
        stale = {client: mood.stale(client) for client in {client for client, _ in entries}}
        return _Shown(self.view.version, entries, stale, len(self.view), mood.troubles)

    def _difference(self, before: _Shown, after: _Shown) -> ChangeDocument[RowT, TroubleT] | None:
        turned = {client for client, stale in after.stale.items() if before.stale.get(client) != stale}
        changed = [
            entry
            for key, entry in after.entries.items()
            if before.entries.get(key) is not entry or entry.key[0] in turned
        ]
        removed = [key for key in before.entries if key not in after.entries]
        order = list(after.entries) if list(before.entries) != list(after.entries) else None
        troubles = self._renders.troubles() if before.troubles != after.troubles else None
        if not changed and not removed and order is None and troubles is None and before.total == after.total:
            return None
        return ChangeDocument(
            upserts=self._renders.rows(changed), removed=removed, order=order, total=after.total, clients=troubles
        )


class Hub(Generic[RowT, TroubleT]):
    """All channels. `run` is the one loop that publishes; a window nobody watches costs nothing."""

    def __init__(self, live: LiveQueue, renders: Renders[RowT, TroubleT]) -> None:
        self._live = live
        self._renders = renders
        self._channels: dict[Window, Channel[RowT, TroubleT]] = {}
        self._dirty = asyncio.Event()
        self._ended = False
        live.on_change.append(self._on_change)

    @property
    def subscribers(self) -> int:
        """How many watch."""
        return sum(len(channel.subscribers) for channel in self._channels.values())

    def in_sight(self, most: int) -> list[Key]:
        """The rows that somebody is shown now, at most so many."""
        shown = (key for channel in self._channels.values() for key in channel.shown)
        return list(islice(dict.fromkeys(shown), most))

    @asynccontextmanager
    async def subscribe(self, only: Filter, order: Order, limit: int) -> AsyncIterator[Subscriber]:
        """Watch a window; the first event is the whole of it."""
        view = await self._live.view(only, order)
        release = self._live.pin(view)
        window, subscriber = (only, order, limit), Subscriber()
        try:
            channel = self._channels.get(window)
            if channel is None:
                channel = self._channels[window] = Channel(self._live, self._renders, view, limit)
            channel.join(subscriber)
            if self._ended:
                subscriber.end()
            yield subscriber
        finally:
            release()
            self._leave(window, subscriber)

    def end(self) -> None:
        """End every stream, and each that still comes: watchers connect again, to whoever runs then."""
        self._ended = True
        for channel in self._channels.values():
            for subscriber in channel.subscribers:
                subscriber.end()

    def _leave(self, window: Window, subscriber: Subscriber) -> None:
        channel = self._channels.get(window)
        if channel is not None:
            channel.subscribers.discard(subscriber)
            if not channel.subscribers:
                del self._channels[window]

    def _on_change(self, views: Collection[View]) -> None:
        if any(channel.view in views for channel in self._channels.values()):
            self._dirty.set()

    async def run(self) -> None:
        """Publish until cancelled: what changed at most every quarter second, what time alone changes once a second."""
        while True:
            try:
                async with asyncio.timeout(IDLE_LOOK):
                    await self._dirty.wait()
            except TimeoutError:
                pass
            self._dirty.clear()
            self.publish()
            await asyncio.sleep(WINDOW)

    def publish(self) -> None:
        """Tell every window's watchers what is new in it."""
        if not self._channels:
            return
        mood = Mood(self._renders)
        for channel in list(self._channels.values()):
            channel.publish(mood)
