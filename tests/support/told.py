"""What the bus says in the end, against the truth of a faulty fleet: the tables row by row, each lifecycle event once.

A completion that was told before may be told again once the stream's duplicate window is over: consumers know its id.
"""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from collections.abc import Iterator

from sluice_common.bus.connect import Bus
from sluice_common.bus.topology import DUPLICATE_WINDOW
from sluice_common.contracts import codec, subjects
from sluice_common.contracts.events import Event
from support.faulty import FaultyFleet, Truth
from support.poller import committed

ADDED, COMPLETED, REMOVED, CANCELLED = "download.added", "download.completed", "download.removed", "download.cancelled"
LIFECYCLE = frozenset({ADDED, COMPLETED, REMOVED, CANCELLED, "download.failed"})
Key = tuple[str, str, str]


class Told:
    """The lifecycle events in the stream, read on from where the last look ended."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._next = 0
        self._times: defaultdict[str, list[float]] = defaultdict(list)
        self._kinds: dict[str, Key] = {}

    async def look(self) -> None:
        """Read what is new."""
        state = (await self._bus.js.stream_info(subjects.EVENTS)).state
        for sequence in range(max(self._next, state.first_seq), state.last_seq + 1 if state.messages else 0):
            message = await self._bus.js.get_msg(subjects.EVENTS, sequence)
            self._next = sequence + 1
            event = codec.from_json(message.data or b"", Event)
            if event.type in LIFECYCLE and message.time is not None:
                client, _, download_id = event.subject.partition("/")
                self._kinds[event.id] = client, download_id, event.type
                self._times[event.id].append(message.time.timestamp())

    @property
    def events(self) -> Counter[Key]:
        """How often each was told, where a repetition that consumers know by its id is none."""
        return Counter(self._kinds.values())

    @property
    def doubled(self) -> list[Key]:
        """What is in the stream again although the stream itself should have known it."""
        return [
            self._kinds[known]
            for known, times in self._times.items()
            if any(later - earlier < DUPLICATE_WINDOW for earlier, later in itertools.pairwise(times))
        ]


def wrong(told: Told, fleet: FaultyFleet) -> list[str]:
    """What was not told and had to be, was told twice, or must not have been told at all."""
    return [f"{what}: {key}" for what, key in (*_compared(told.events, fleet), *_again(told))]


def _again(told: Told) -> Iterator[tuple[str, Key]]:
    yield from (("twice in the stream", key) for key in told.doubled)


def _compared(events: Counter[Key], fleet: FaultyFleet) -> Iterator[tuple[str, Key]]:
    due = fleet.told
    for client, download_id, kind in events:
        gone_by_command = kind == CANCELLED and download_id in fleet.faulty[client].cancelled
        key = (client, download_id, REMOVED if gone_by_command else kind)
        times = events[client, download_id, kind] + (events[client, download_id, CANCELLED] if kind == REMOVED else 0)
        late = kind == COMPLETED and download_id in fleet.faulty[client].rechecked
        if times > max(due[key], late):
            yield "told too often", key
    for client, download_id, kind in due:
        ends = (REMOVED, CANCELLED) if kind == REMOVED else (kind,)
        if not any(events[client, download_id, end] for end in ends):
            yield "never told", (client, download_id, kind)


async def different(bus: Bus, fleet: FaultyFleet) -> list[str]:
    """The clients whose committed table is not the client's truth, with what differs."""
    found = []
    for name, client in fleet.faulty.items():
        table = await committed(bus, name)
        rows = {r.id: Truth(r.is_complete, r.state.value, r.category) for r in table.rows.values()} if table else None
        if rows != client.rows:
            found.append(f"{name}: {_difference(rows, client.rows)}")
    return found


def _difference(rows: dict[str, Truth] | None, truth: dict[str, Truth]) -> str:
    if rows is None:
        return "no table"
    odd = {
        key: (rows.get(key), truth.get(key)) for key in rows.keys() | truth.keys() if rows.get(key) != truth.get(key)
    }
    return ", ".join(f"{key[:8]} is {told}, should be {true}" for key, (told, true) in list(odd.items())[:3])
