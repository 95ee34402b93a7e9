"""A soak: downloads come and go, clients stumble, commands are given, and the pollers and the bus suffer shocks.

Two things may happen only apart, so that it stays exact what has to be told. The queue's stream is lost only while
living pollers remember every table; and just before that no download leaves that was not known to them for long.
"""

from __future__ import annotations

import asyncio
import itertools
import secrets
import statistics
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from random import Random

from nats.errors import Error as NatsError
from nats.js.errors import APIError

from sluice_common.bus.connect import Bus
from sluice_common.bus.rpc import call
from sluice_common.bus.statuses import read_status
from sluice_common.contracts import commands, subjects
from sluice_common.kit.errors import BusUnavailable, Problem
from sluice_common.kit.tasks import checkpoint
from sluice_common.model.enums import Health
from support.faulty import Fault, FaultyClient, FaultyFleet
from support.nats import NatsForTest
from support.poller import committed
from support.pollers import Pollers, holders, shared
from support.told import Told, different, wrong
from support.waiting import until

SHOCKS = ("kill", "freeze", "kill beside freeze", "nap", "blackout", "bus restart", "stream loss")
SHORT = ("kill beside freeze", "bus restart", "stream loss")
# What a caller is told that nothing was done, and may try again.
_UNDONE = frozenset({"no_responder", "client_not_read_yet", "epoch_changed"})
_VERBS = {"pause": "torrents/stop", "resume": "torrents/start", "remove": "torrents/delete"}
_TROUBLE = (TimeoutError, NatsError, APIError, BusUnavailable)


class Soak:
    """The whole of it; `shocks` counts what the pollers and the bus suffered."""

    def __init__(self, bus: Bus, server: NatsForTest, fleet: FaultyFleet, pollers: Pollers, random: Random) -> None:
        self.shocks: Counter[str] = Counter()
        self._bus = bus
        self._server = server
        self._fleet = fleet
        self._pollers = pollers
        self._random = random
        self._told = Told(bus)
        self._numbers = itertools.count(4)
        self._going = asyncio.Event()
        self._acting = asyncio.Lock()
        self._settled: dict[str, set[str]] | None = None
        self._asked: set[tuple[str, str, str]] = set()
        self._answers: defaultdict[tuple[str, str, str], list[str]] = defaultdict(list)
        self._asking: set[asyncio.Task[None]] = set()
        self._takeovers: list[float] = []

    def figures(self) -> str:
        """What was suffered, done and told."""
        late = self._takeovers
        answers = Counter(itertools.chain.from_iterable(self._answers.values()))
        taken = f"{statistics.median(late):.1f} s, at most {max(late):.1f} s" if late else "nothing"
        return (
            f"shocks {dict(self.shocks)}; requests that met a fault {dict(self._fleet.hits)}; "
            f"{self._fleet.told.total()} lifecycle events; commands {dict(answers)}; "
            f"until the {len(late)} clients of killed pollers were polled by others: {taken}"
        )

    def done_twice(self) -> list[tuple[str, str, str]]:
        """Commands that a client saw twice; each was given once, or twice under one request id."""
        return [
            (name, *deed)
            for name, client in self._fleet.faulty.items()
            for deed, times in client.deeds.items()
            if times > 1
        ]

    def done_all_the_same(self) -> list[tuple[str, str, str]]:
        """Commands that were carried out although whoever gave them was told that nothing was done."""
        return [
            (client, verb, download_id)
            for (client, verb, download_id), answers in self._answers.items()
            if _UNDONE.issuperset(answers) and self._fleet.faulty[client].deeds[_VERBS[verb], download_id]
        ]

    # What goes on all the time.

    @asynccontextmanager
    async def troubled(self) -> AsyncIterator[None]:
        """Changes, faults of clients and commands while the block runs."""
        size = len(self._fleet.faulty)
        everything = [
            asyncio.create_task(self._again_and_again(what, pause))
            for what, pause in ((self._change, 0.1), (self._trip, 5 / size), (self._command, 0.5))
        ]
        self._going.set()
        try:
            yield
            for task in everything:
                if task.done():
                    task.result()
        finally:
            self._going.clear()
            for task in everything:
                task.cancel()
            await asyncio.wait(everything)

    async def _again_and_again(self, what: Callable[[], Awaitable[None]], pause: float) -> None:
        while True:
            checkpoint()
            await self._going.wait()
            async with self._acting:
                if self._going.is_set():
                    await what()
            await asyncio.sleep(pause)

    def _any_client(self) -> FaultyClient:
        return self._fleet.faulty[self._random.choice(sorted(self._fleet.faulty))]

    async def _known(self, client: FaultyClient) -> list[str]:
        """The downloads that the committed table has as they are: what happens to them has to be told."""
        table, truth = await committed(self._bus, client.name), client.truth
        rows = table.rows if table else {}
        return [key for key, complete in truth.items() if key in rows and rows[key].is_complete == complete]

    async def _change(self) -> None:
        client = self._any_client()
        known = await self._known(client)
        old = known if self._settled is None else [key for key in known if key in self._settled[client.name]]
        changes: list[Callable[[], None]] = [
            client.add,
            lambda: client.finish(known),
            lambda: client.remove(old),
            lambda: client.relabel(known),
        ]
        self._random.choice(changes)()

    async def _trip(self) -> None:
        fault = self._random.choice(list(Fault))
        self._fleet.impose(self._any_client(), fault, self._random.uniform(fault.least, fault.most))

    async def _command(self) -> None:
        """One that was never given before; now and then twice at once, as somebody does who is in doubt."""
        client = self._any_client()
        complete = [key for key in await self._known(client) if client.truth.get(key)]
        verb = self._random.choice(("pause", "resume", "remove"))
        if verb == "remove" and (len(complete) < 3 or self._settled is not None):
            return
        fresh = [key for key in complete if (client.name, verb, key) not in self._asked]
        if not fresh:
            return
        download_id, request_id = self._random.choice(fresh), secrets.token_hex(8)
        self._asked.add((client.name, verb, download_id))
        for _ in range(self._random.choice((1, 1, 2))):
            task = asyncio.create_task(self._ask(client.name, verb, download_id, request_id))
            self._asking.add(task)
            task.add_done_callback(self._asking.discard)

    async def _ask(self, client: str, verb: str, download_id: str, request_id: str) -> None:
        body = commands.Remove(id=download_id) if verb == "remove" else commands.Act(id=download_id)
        answer = "ok"
        try:
            await call(
                self._bus,
                subjects.command(client, verb),
                body,
                commands.Done,
                request_id=request_id,
                within=self._random.uniform(2, 25),
            )
        except Problem as problem:
            answer = problem.code
        except _TROUBLE as error:
            answer = type(error).__name__
        self._answers[client, verb, download_id].append(answer)

    # Quiet, and whether everything is right.

    async def calm(self) -> None:
        """Heal everything, and wait until the tables are the truth and everything was told, once."""
        self._going.clear()
        async with self._acting:
            self._fleet.heal()
        if self._asking:
            await asyncio.wait(self._asking)
        await shared(self._bus, self._pollers, len(self._fleet.faulty))
        seen: list[str] = []

        async def right() -> bool:
            seen[:] = await self._wrong()
            return not seen

        try:
            await until(right, seconds=60, what="quiet")
        except AssertionError as error:
            raise AssertionError("\n".join(seen[:20])) from error
        await until(self._remembered, seconds=60, what="a status by each holder")

    async def _wrong(self) -> list[str]:
        await self._told.look()
        return wrong(self._told, self._fleet) or await different(self._bus, self._fleet)

    async def _remembered(self) -> bool:
        """Whether the holder of each client has polled it, and so has its table in memory."""
        for client, holder in (await holders(self._bus)).items():
            status, _ = await read_status(self._bus, client)
            if status is None or status.holder != holder or status.health != Health.OK:
                return False
        return True

    # Shocks.

    async def suffer(self, shock: str) -> None:
        """One of SHOCKS, until the pollers share the clients again."""
        await getattr(self, "_" + shock.replace(" ", "_"))()
        self.shocks[shock] += 1
        await until(self._answers_again, seconds=30, what="the bus")
        await shared(self._bus, self._pollers, len(self._fleet.faulty))

    async def _answers_again(self) -> bool:
        with suppress(*_TROUBLE):
            return bool(await holders(self._bus)) or True
        return False

    async def _some_time(self, least: float, most: float) -> None:
        await asyncio.sleep(self._random.uniform(least, most))

    async def _kill(self) -> None:
        await self._kill_one_of(self._pollers.names)

    async def _kill_one_of(self, names: list[str]) -> None:
        """Its clients are polled by others; then another poller starts."""
        held = await until(self._all_held, seconds=40, what="a holder of each client")
        victim = self._random.choice(names)
        await self._some_time(0, 3)
        self._pollers.kill(victim)
        await self._taken_over([client for client, holder in held.items() if holder == victim])
        self._start_another(victim)

    async def _all_held(self) -> dict[str, str] | None:
        found = await holders(self._bus)
        return found if len(found) == len(self._fleet.faulty) else None

    async def _taken_over(self, clients: list[str]) -> None:
        """Wait until each was asked again. Those that refuse connections cannot say so until they are back."""
        killed = time.monotonic()
        waiting = set(clients)

        def asked() -> bool:
            heard = {client for client in waiting if self._fleet.faulty[client].asked > killed + 0.5}
            self._takeovers.extend([time.monotonic() - killed] * len(heard))
            waiting.difference_update(heard)
            return not waiting

        await until(asked, seconds=40, what="a request to each")

    def _start_another(self, victim: str) -> None:
        """Under its old name or under another."""
        self._pollers.start(self._random.choice((victim, f"next-{next(self._numbers)}")))

    async def _freeze(self) -> None:
        """Longer than its leases last. When it goes on it has to find that out."""
        async with self._frozen():
            pass

    async def _kill_beside_freeze(self) -> None:
        """Only one is left."""
        async with self._frozen() as victim:
            await self._kill_one_of([name for name in self._pollers.names if name != victim])

    @asynccontextmanager
    async def _frozen(self) -> AsyncIterator[str]:
        """One is frozen while the block runs, and until others have what it held."""
        victim = self._random.choice(self._pollers.names)
        self._pollers.freeze(victim)
        yield victim
        await until(lambda: self._lost(victim), seconds=40, what=f"{victim}'s leases taken by others")
        await self._some_time(0, 3)
        self._pollers.thaw(victim)

    async def _lost(self, victim: str) -> bool:
        found = await holders(self._bus)
        return len(found) == len(self._fleet.faulty) and victim not in found.values()

    async def _nap(self) -> None:
        """Shorter than its leases last: it goes on as if nothing had been."""
        victim = self._random.choice(self._pollers.names)
        self._pollers.freeze(victim)
        await self._some_time(3, 12)
        self._pollers.thaw(victim)

    async def _blackout(self) -> None:
        victims = self._pollers.names
        for victim in victims:
            self._pollers.kill(victim)
        await self._some_time(0, 3)
        for victim in victims:
            self._start_another(victim)

    async def _bus_restart(self) -> None:
        """What it had in memory is lost: the leases and the clients' states."""
        async with self._acting:
            self._server.kill()
            self._server.start()

    async def _stream_loss(self) -> None:
        await self.calm()
        before = await holders(self._bus)
        self._settled = {
            name: {key for key, complete in client.truth.items() if complete}
            for name, client in self._fleet.faulty.items()
        }
        self._going.set()
        await self._some_time(1, 4)
        async with self._acting:
            assert await holders(self._bus) == before, "somebody may have forgotten a table"
            await self._bus.js.delete_stream(subjects.FRAMES)
        await self._some_time(0, 8)
        await self.calm()
        self._settled = None
        self._going.set()
