"""A fleet whose clients restart, hang, talk garbage, lose replies and show an empty list for a moment.

Whatever a client answers meanwhile, its own list stays the truth. A fault counts as a hit once a request met it.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import Counter
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from enum import Enum
from random import Random
from typing import Any

import msgspec
from typing_extensions import override

from support.fleet import ACTS, POLL, Fleet, FleetClient
from support.recorded_qbittorrent import API
from support.replay import Answer

# As recorded of 5.1.0 (state_checkingResumeData__*.json): nothing is said of what a torrent has until it was looked at.
_CHECKING = {"state": "checkingResumeData", "progress": 0, "completed": 0}
_PIECES = 3  # in which the list comes back after a restart
_LOOKS = 2  # the second poll says that the first was heard
_STOPPED, _RUNNING = {True: "stoppedUP", False: "stoppedDL"}, {True: "stalledUP", False: "downloading"}
_STATES = {
    "stoppedUP": "paused",
    "stoppedDL": "paused",
    "stalledUP": "seeding",
    "downloading": "downloading",
}
_PAGE = b"<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>"
_NONSENSE = (
    Answer(body=_PAGE, content_type="text/html"),
    Answer(body=_PAGE, content_type="text/html", status=502),
    Answer(body=b"Internal Server Error", content_type="text/plain", status=500),
    Answer(body=b'{"rid": "seven", "full_update": 1, "torrents": [], "torrents_removed": {}}'),
    Answer(body=b'{"rid": 7, "full_update": true, "torrents": {"00": {"name": 7, "state": null}}}'),
    Answer(body=b"null"),
    Answer(body=b""),
)


class Fault(Enum):
    """What a client may suffer, with the fewest and most seconds for which it does."""

    RESTART = "restart", 0.3, 2.0
    HANG = "hang", 1.0, 15.0
    GARBAGE = "garbage", 1.0, 4.0
    LOST_REPLY = "lost reply", 1.0, 3.0
    EMPTY_LIST = "empty list", 1.0, 2.0

    def __init__(self, title: str, least: float, most: float) -> None:
        self.title, self.least, self.most = title, least, most


class Truth(msgspec.Struct, frozen=True):
    """What of a download's row has to be right in the end."""

    is_complete: bool
    state: str
    category: str | None


class FaultyClient(FleetClient):
    """`hits` counts the requests that met each fault, `deeds` each (method, download id) that a command changed.

    `asked` is the monotonic moment of the last request.

    `rechecked` are the downloads that nobody was told of, and that were seen to be checked and then to be complete.
    """

    def __init__(self, name: str, count: int, random: Random) -> None:
        super().__init__(name, count, random)
        self.asked = 0.0
        self.hits: Counter[str] = Counter()
        self.deeds: Counter[tuple[str, str]] = Counter()
        self.cancelled: set[str] = set()
        self.rechecked: set[str] = set()
        self._first = set(self.torrents)
        self._until = dict.fromkeys(Fault, 0.0)
        self._shown: int | None = None  # how many rows, while the list comes back
        self._life = 0
        self._sound = _LOOKS  # polls that were answered as they should be, since the list was last empty

    @property
    def rows(self) -> dict[str, Truth]:
        """Its downloads by id."""
        with self._lock:
            return {
                key: Truth(not row["amount_left"], _STATES[row["state"]], row["category"] or None)
                for key, row in self.torrents.items()
            }

    # Its faults.

    def impose(self, fault: Fault, seconds: float) -> None:
        """Suffer it for so long from now on. What looks twice, and sees an empty list both times, may believe it."""
        with self._lock:
            if fault is Fault.EMPTY_LIST and self._sound < _LOOKS:
                return
            self._until[fault] = time.monotonic() + seconds

    def heal(self) -> None:
        """Suffer nothing any more."""
        with self._lock:
            self._until = dict.fromkeys(Fault, 0.0)

    def end(self) -> None:
        """Its process ends: sessions and requests are forgotten, the list is read from the disk piece by piece."""
        with self._lock:
            self.forget_sessions()
            self._shown, self._life = 0, self._life + 1

    def suffers(self, fault: Fault) -> bool:
        """Whether it does now."""
        return time.monotonic() < self._until[fault]

    @override
    def answer(self, call: dict[str, Any]) -> Answer | Awaitable[Answer]:
        with self._lock:
            self.asked = time.monotonic()
            if self.suffers(Fault.HANG):
                self.hits[Fault.HANG.title] += 1
                stale = self._random.random() < 0.5  # what it says in the end may be what it knew at first
                return self._late(self._life, call, self._damaged(call) if stale else None)
            return self._damaged(call)

    async def _late(self, life: int, call: dict[str, Any], answer: Answer | Awaitable[Answer] | None) -> Answer:
        while self.suffers(Fault.HANG):  # noqa: ASYNC110 - it is healed from another thread
            await asyncio.sleep(0.05)
        with self._lock:
            if life != self._life:
                _break()
            late = answer or self._damaged(call)
        return late if isinstance(late, Answer) else await late

    def _damaged(self, call: dict[str, Any]) -> Answer | Awaitable[Answer]:
        """Whatever is done to the answer, what was asked for is done."""
        answer = self._told_of(call)
        if self.suffers(Fault.GARBAGE):
            self.hits[Fault.GARBAGE.title] += 1
            return self._garbled(answer)
        if self.suffers(Fault.LOST_REPLY):
            self.hits[Fault.LOST_REPLY.title] += 1
            cut = self._random.randrange(len(answer.body) + 1)
            return _broken() if cut == len(answer.body) else msgspec.structs.replace(answer, cut=cut)
        self._sound += call["method"] == POLL and answer.status == 200
        return answer

    def _garbled(self, answer: Answer) -> Answer:
        if answer.content_type == "application/json" and self._random.random() < 0.4:
            return msgspec.structs.replace(answer, body=answer.body[: len(answer.body) // 2])
        return self._random.choice(_NONSENSE)

    def _told_of(self, call: dict[str, Any]) -> Answer:
        if call["cookie"] and call["cookie"] not in self._told:
            self.hits[Fault.RESTART.title] += 1
        if call["method"] in ACTS:
            return self(call)
        with self._listing(grows=call["method"] == POLL and call["cookie"] in self._told):
            return self(call)

    @contextmanager
    def _listing(self, *, grows: bool) -> Iterator[None]:
        """What it has, while it says what it shows."""
        truth = self.torrents
        if self.suffers(Fault.EMPTY_LIST):
            self.hits[Fault.EMPTY_LIST.title] += grows
            self._sound = -1 if grows else self._sound
            self.torrents = {}
        elif self._shown is not None:
            self.torrents = self._coming_back(grows=grows)
        try:
            yield
        finally:
            self.torrents = truth

    def _coming_back(self, *, grows: bool) -> dict[str, dict[str, Any]]:
        if grows:
            self._shown = (self._shown or 0) + max(1, math.ceil(len(self.torrents) / _PIECES))
        if self._shown is None or self._shown >= len(self.torrents):
            self._shown = None
            return self.torrents
        self.hits["growing list"] += grows
        shown = dict(list(self.torrents.items())[: self._shown])
        self.rechecked |= {key for key in shown if key in self._first and not shown[key]["amount_left"]}
        return {key: row | _CHECKING | {"amount_left": row["size"]} for key, row in shown.items()}

    # What is done to its downloads.

    def relabel(self, known: list[str]) -> None:
        """One of the known gets another category."""
        with self._lock:
            if present := [key for key in known if key in self.torrents]:
                self.torrents[self._random.choice(present)]["category"] = self._random.choice(("", "tv", "films"))

    @override
    def _torrents_stop(self, call: dict[str, Any]) -> Answer:
        return self._turn(call, _STOPPED)

    @override
    def _torrents_start(self, call: dict[str, Any]) -> Answer:
        return self._turn(call, _RUNNING)

    def _turn(self, call: dict[str, Any], states: dict[bool, str]) -> Answer:
        for row in self._addressed(call):
            row["state"] = states[not row["amount_left"]]
        return self._done(call)

    @override
    def _torrents_delete(self, call: dict[str, Any]) -> Answer:
        for row in self._addressed(call):
            self.cancelled.add(row["infohash_v1"])
            self.told[row["infohash_v1"], "download.removed"] += 1
        return super()._torrents_delete(call)

    def _addressed(self, call: dict[str, Any]) -> Iterator[dict[str, Any]]:
        for key in call["form"]["hashes"].split("|"):
            self.deeds[call["method"].removeprefix(API), key] += 1
            if key in self.torrents:
                yield self.torrents[key]


def _break() -> None:
    raise ConnectionError("the fault that was asked for")


async def _broken() -> Answer:
    """No answer: the connection ends."""
    raise ConnectionError("the fault that was asked for")


class FaultyFleet(Fleet):
    """A fleet of them."""

    def __init__(self, names: list[str], rows: int, random: Random) -> None:
        self.faulty = {name: FaultyClient(name, rows, random) for name in names}
        super().__init__(self.faulty.values())
        self._away: dict[str, asyncio.Task[None]] = {}

    @property
    def hits(self) -> Counter[str]:
        """How many requests met which fault."""
        return sum((client.hits for client in self.faulty.values()), Counter())

    def impose(self, client: FaultyClient, fault: Fault, seconds: float) -> None:
        """Let a client suffer for so long."""
        if fault is Fault.RESTART:
            self.call(lambda: self._restart(client, seconds))
        else:
            client.impose(fault, seconds)

    def heal(self) -> None:
        """Let no client suffer any more; those that are restarting are back within two seconds."""
        for client in self.faulty.values():
            client.heal()

    def _restart(self, client: FaultyClient, seconds: float) -> None:
        if client.name not in self._away or self._away[client.name].done():
            self._away[client.name] = asyncio.create_task(self._be_away(client, seconds))

    async def _be_away(self, client: FaultyClient, seconds: float) -> None:
        listener = self.listeners[client.name]
        listener.refuse()
        client.end()
        await asyncio.sleep(seconds)
        listener.listen()
