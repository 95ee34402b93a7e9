"""A fleet of clients that are not real, in this process: each remembers when it was polled and what it was told to do.

Their lists change as a test wants, from its own thread; what happened in a download's life is written down as the
lifecycle events that a poller must tell, once each.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from pathlib import Path
from random import Random
from types import TracebackType
from typing import Any, Self

from typing_extensions import override

from support.clients import HOST
from support.recorded_qbittorrent import API, PASSWORD, USERNAME, RecordedQbittorrent
from support.replay import Answer
from support.serving import Listener

SAMPLES = Path(__file__).resolve().parents[1] / "contract" / "samples" / "qbittorrent-5.1.0"
_SAMPLE = "state_stalledUP__multi.json"
_FIRST_ADDED = 1_750_000_000
COMING = {"state": "downloading", "progress": 0.0, "completed": 0, "amount_left": 1, "completion_on": -1}
POLL = API + "sync/maindata"
ACTS = frozenset(API + verb for verb in ("torrents/add", "torrents/delete", "torrents/stop", "torrents/start"))


class FleetClient(RecordedQbittorrent):
    """One qBittorrent 5.1. `polls` has the monotonic moment of each poll, `acts` the methods that change something.

    `told` counts the (download id, event type) that its changes amount to: those of what it had at first are none.
    """

    def __init__(self, name: str, count: int, random: Random) -> None:
        super().__init__(SAMPLES)
        self.name = name
        self.polls: list[float] = []
        self.acts: list[str] = []
        self.told: Counter[tuple[str, str]] = Counter()
        self._random = random
        self._sample = json.loads((SAMPLES / _SAMPLE).read_text())[0]
        self._sample.pop("hash")
        self._numbers = itertools.count()
        self._sessions = itertools.count(1)
        self._lock = threading.Lock()
        self._gate: asyncio.Event | None = None
        self.is_kept_waiting = False
        self.has_answered_late = False
        self.torrents = {}
        for _ in range(count):
            self._put()

    def answer(self, call: dict[str, Any]) -> Answer | Awaitable[Answer]:
        """The answer, or that of a poll for which a test has more in store."""
        if call["method"] == POLL:
            self.polls.append(time.monotonic())
            if self._gate is not None and not self.is_kept_waiting:
                self.is_kept_waiting = True
                return self._answer_later(call, self._gate)
        elif call["method"] in ACTS:
            self.acts.append(call["method"])
        with self._lock:
            return self(call)

    async def _answer_later(self, call: dict[str, Any], gate: asyncio.Event) -> Answer:
        await gate.wait()
        with self._lock:
            answer = self(call)
        self.has_answered_late = True
        return answer

    @override
    def _log_in(self, form: dict[str, str]) -> Answer:
        """Every log-in has a session of its own, so that no poller hears what was told to another."""
        self.accepted = Answer(
            body=b"Ok.", content_type="text/plain", headers=(("set-cookie", f"SID={next(self._sessions)}; path=/"),)
        )
        return super()._log_in(form)

    # What a test does to it.

    def keep_waiting(self) -> None:
        """The next poll is answered once `Fleet.answer` is called, with what is there then."""
        with self._lock:
            self._gate, self.is_kept_waiting, self.has_answered_late = asyncio.Event(), False, False

    def answer_now(self) -> None:
        """The end of it; only in the loop that serves."""
        assert self._gate is not None
        self._gate.set()

    def show(self) -> str:
        """A download that nobody was told of, and that is nobody's business: `hide` takes it away again."""
        with self._lock:
            return self._put(**COMING)

    def hide(self, torrent_id: str) -> None:
        """As if it had never been there."""
        with self._lock:
            del self.torrents[torrent_id]

    def add(self) -> None:
        """A download that is on its way."""
        with self._lock:
            torrent_id = self._put(**COMING)
            self.told[torrent_id, "download.added"] += 1

    def finish(self, known: Collection[str]) -> None:
        """One of those on their way has every byte: one that is `known` to be on its way, so that it must be told."""
        with self._lock:
            coming = [key for key, row in self.torrents.items() if row["amount_left"] and key in known]
            if not coming:
                return
            torrent_id = self._random.choice(coming)
            row = self.torrents[torrent_id]
            row |= {"state": "stalledUP", "progress": 1.0, "completed": row["size"], "amount_left": 0}
            row["completion_on"] = row["added_on"] + 50
            self.told[torrent_id, "download.completed"] += 1

    def remove(self, known: Collection[str]) -> None:
        """One of its finished downloads that are `known` is taken out by somebody else; its last stays."""
        with self._lock:
            finished = [key for key, row in self.torrents.items() if not row["amount_left"] and key in known]
            if len(finished) < 2:
                return
            torrent_id = self._random.choice(finished)
            del self.torrents[torrent_id]
            self.told[torrent_id, "download.removed"] += 1

    def _put(self, **fields: Any) -> str:
        torrent_id, number = self._random.randbytes(20).hex(), next(self._numbers)
        name = f"Fleet.Show.S01E{number:02}.1080p.WEB-DL.x264-{torrent_id[:6].upper()}"
        about = {"name": name, "infohash_v1": torrent_id, "content_path": f"/downloads/{name}"}
        times = {"added_on": _FIRST_ADDED + 60 * number, "dlspeed": 0, "upspeed": 0}
        self.torrents[torrent_id] = {**self._sample, **about, **times, **fields}
        return torrent_id

    @property
    def truth(self) -> dict[str, bool]:
        """The ids of its downloads, and whether each is complete."""
        with self._lock:
            return {key: not row["amount_left"] for key, row in self.torrents.items()}


def names(count: int) -> list[str]:
    """Of so many clients."""
    return [f"c{number:03}" for number in range(count)]


class Fleet:
    """A context manager: clients, served by a thread of their own."""

    def __init__(self, clients: Iterable[FleetClient]) -> None:
        self.clients = {client.name: client for client in clients}
        self.listeners = {name: Listener(client.answer) for name, client in self.clients.items()}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._listening = threading.Event()

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._listening.wait(20), "the fleet does not listen"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def _run(self) -> None:
        self._loop.run_until_complete(self._listen())
        self._listening.set()
        self._loop.run_forever()
        for listener in self.listeners.values():
            listener.close()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0.1))
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.close()

    async def _listen(self) -> None:
        for listener in self.listeners.values():
            listener.listen()

    def answer(self, client: FleetClient) -> None:
        """Answer the poll that was kept waiting."""
        self.call(client.answer_now)

    def call(self, act: Callable[[], object]) -> None:
        """Call it soon in the loop that serves."""
        self._loop.call_soon_threadsafe(act)

    @property
    def settings(self) -> dict[str, Mapping[str, object]]:
        """The `clients` of a configuration."""
        return {
            name: {
                "type": "qbittorrent",
                "url": f"http://{HOST}:{listener.port}",
                "username": USERNAME,
                "password": PASSWORD,
            }
            for name, listener in self.listeners.items()
        }

    @staticmethod
    def steady(count: int, rows: int, random: Random) -> Fleet:
        """So many clients that never fail."""
        return Fleet(FleetClient(name, rows, random) for name in names(count))

    @property
    def told(self) -> Counter[tuple[str, str, str]]:
        """How often each (client, download id, event type) has to be told."""
        return Counter({(c.name, *key): times for c in self.clients.values() for key, times in c.told.items()})

    def unpolled(self, since: float) -> list[str]:
        """The clients that were not polled after the monotonic moment `since`."""
        return [name for name, client in self.clients.items() if not client.polls or client.polls[-1] <= since]
