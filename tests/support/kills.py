"""SIGKILL for parts of a running product at moments seen from outside: on its bus and in its libraries, never by luck.

A kill counts when something was open: a poll's commit was seen on the wire that very moment, its events still to come,
or an import was between its `download.completed` and its `import.completed`. Nothing here looks into a process.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random
from types import TracebackType
from typing import Self

import httpx
import msgspec
import nats
from nats.aio.msg import Msg
from typing_extensions import override

from sluice_common.contracts import codec, subjects
from sluice_common.contracts.events import Event
from sluice_common.contracts.frames import Frame, FrameKind
from support.product import Product, wait

PROCESSES = ("client-poller", "importer", "gateway", "history", "nats", "postgres")
COMMIT, COMPLETED, STARTED, ATTEMPT, REGISTERED = "commit", "completed", "started", "attempt", "registered"
WHENEVER = "whenever"
MOMENTS = (COMMIT, COMPLETED, STARTED, ATTEMPT, REGISTERED, WHENEVER)
# At `file.registered` the import is in the database, and what it tells of itself only half on the bus.
_ON_THE_WIRE = {"download.completed": COMPLETED, "import.started": STARTED, "file.registered": REGISTERED}
# Seconds until a moment that does not come is replaced by whichever open one comes first.
PATIENCE = 4.0


class Kill(msgspec.Struct, frozen=True):
    """Who was killed, at which moment, and what was open then."""

    process: str
    moment: str
    open: tuple[str, ...]


class Trap(msgspec.Struct):
    """Waits to kill `pid` at `moment`; `at` is when it was set, on the monotonic clock."""

    process: str
    pid: int
    moment: str
    at: float
    delay: float


class Wire(threading.Thread):
    """Listens to the bus of a product and looks into its libraries' `roots`; springs the trap that is set."""

    def __init__(self, product: Product, roots: Sequence[Path]) -> None:
        super().__init__(daemon=True)
        self.kills: list[Kill] = []
        self._product = product
        self._roots = roots
        self._trap: Trap | None = None
        self._imports: set[str] = set()
        self._listening = threading.Event()
        self._over = threading.Event()

    def __enter__(self) -> Self:
        self.start()
        assert self._listening.wait(20), "the wire is not heard"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self.join(10)

    def set(self, process: str, pid: int, moment: str, delay: float) -> None:
        """Set the trap; `delay` seconds is when WHENEVER is."""
        self._trap = Trap(process, pid, moment, time.monotonic(), delay)

    @property
    def is_set(self) -> bool:
        """Whether the trap still waits."""
        return self._trap is not None

    def clear(self) -> None:
        """Take the trap away."""
        self._trap = None

    @override
    def run(self) -> None:
        """Listen until left."""
        asyncio.run(self._listen())

    async def _listen(self) -> None:
        settings = self._product.nats
        assert settings.password is not None
        connection = await nats.connect(
            settings.url,
            user=settings.user,
            password=settings.password.get_secret_value(),
            max_reconnect_attempts=-1,
            reconnect_time_wait=0.05,
            disconnected_cb=self._deaf,
            error_cb=_ignore,
        )
        await connection.subscribe(subjects.ALL_FRAMES, cb=self._on_frame)
        await connection.subscribe(subjects.ALL_EVENTS, cb=self._on_event)
        await connection.flush()
        self._listening.set()
        while not self._over.is_set():
            self._look()
            await asyncio.sleep(0.002)
        await connection.close()

    async def _deaf(self) -> None:
        """What ended while nobody listened must not seem open."""
        self._imports.clear()

    async def _on_frame(self, message: Msg) -> None:
        if codec.unpack(message.data, Frame).kind is FrameKind.DELTA:
            self._seen(COMMIT)

    async def _on_event(self, message: Msg) -> None:
        event = codec.from_json(message.data, Event)
        if event.type == "download.completed":
            self._imports.add(event.subject)
        elif event.type == "import.completed":
            self._imports.discard(event.subject)
        if event.type in _ON_THE_WIRE:
            self._seen(_ON_THE_WIRE[event.type])

    def _look(self) -> None:
        trap = self._trap
        if trap is None:
            return
        late = time.monotonic() - trap.at
        if trap.moment == WHENEVER and late >= trap.delay:
            self._seen(WHENEVER)
        elif (trap.moment == ATTEMPT or late > PATIENCE) and _attempts(self._roots):
            self._seen(ATTEMPT)

    def _seen(self, moment: str) -> None:
        trap = self._trap
        if trap is None or (trap.moment != moment and time.monotonic() - trap.at < max(PATIENCE, trap.delay)):
            return
        self._trap = None
        with contextlib.suppress(ProcessLookupError):
            os.kill(trap.pid, signal.SIGKILL)
            self.kills.append(Kill(trap.process, moment, tuple(self._open(moment))))

    def _open(self, moment: str) -> Iterator[str]:
        if moment == COMMIT:
            yield "commit"
        if self._imports:
            yield "import"
        if moment == ATTEMPT or _attempts(self._roots):
            yield "attempt directory"


async def _ignore(_: Exception) -> None:
    """Lost connections are what this is about."""


def _attempts(roots: Sequence[Path]) -> bool:
    return any(name.startswith(".sluice-") and name != ".sluice-root" for root in roots for name in os.listdir(root))


def kill_them_all(product: Product, wire: Wire, random: Random, *, times: int, within: float) -> Counter[str]:
    """Kill each process until `times` of its kills count, in rounds of random order; at most `within` seconds.

    Who is killed was ready before: a process that only just starts has nothing to lose. Returns the counted kills.
    """
    deadline = time.monotonic() + within
    last: dict[str, int] = {}
    moments = {process: _endless(random) for process in PROCESSES}
    while True:
        lacking = [process for process in PROCESSES if counted(wire.kills)[process] < times]
        if not lacking or time.monotonic() > deadline:
            return counted(wire.kills)
        for process in random.sample(lacking, len(lacking)):
            last[process] = pid = _ready(product, process, last.get(process))
            wire.set(process, pid, next(moments[process]), random.uniform(0.0, 1.5))
            _until_sprung(wire, deadline)


def counted(kills: Sequence[Kill]) -> Counter[str]:
    """How many kills of each process came while something was open."""
    return Counter(kill.process for kill in kills if kill.open)


def _endless(random: Random) -> Iterator[str]:
    while True:
        yield from random.sample(MOMENTS, len(MOMENTS))


def _until_sprung(wire: Wire, deadline: float) -> None:
    while wire.is_set and time.monotonic() < deadline:
        time.sleep(0.01)
    wire.clear()


def _ready(product: Product, process: str, killed: int | None) -> int:
    """The pid of the process once another life of it than `killed` answers."""

    def answering() -> int | None:
        child = product.child(process)
        return child[0] if child and child[0] != killed and _answers(process, child[1]) else None

    return wait(answering, seconds=45, what=lambda: f"{process} to answer again; {product.said()} {product.logs()}")


def _answers(process: str, port: int) -> bool:
    try:
        if process in ("nats", "postgres"):
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return True
        return httpx.get(f"http://127.0.0.1:{port}/ready", timeout=2, trust_env=False).status_code == 200
    except (OSError, httpx.HTTPError):
        return False
