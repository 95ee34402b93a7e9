"""Which clients this replica polls: takes free leases, keeps its own proven, gives surplus back, runs the sessions."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from random import Random

from nats.aio.msg import Msg
from nats.errors import Error as NatsError

from sluice_client_poller.adapters.port import Adapter
from sluice_client_poller.commands import Commands
from sluice_client_poller.lease import Lease, Leases
from sluice_client_poller.metrics import LEASES_HELD
from sluice_client_poller.policy import StallPolicy
from sluice_client_poller.report import Reporter
from sluice_client_poller.session import Session
from sluice_client_poller.share import AT_A_TIME, Pulse, feel, has_surplus, is_awaited, living, quota, takeable
from sluice_client_poller.table import ClientTable
from sluice_client_poller.watch import Watch
from sluice_common.bus.connect import Bus
from sluice_common.bus.replica import read_subject
from sluice_common.bus.topology import LEASE_TTL
from sluice_common.contracts import subjects
from sluice_common.kit import log as logging
from sluice_common.kit.clock import Clock
from sluice_common.kit.errors import BusUnavailable, Fenced
from sluice_common.kit.settings import ClientSettings, PollSettings
from sluice_common.kit.tasks import checkpoint

log = logging.get(__name__)

# Seconds between two looks: at other times, while a silent member's leases run out, and while there is more to take.
TICK = 2.0
TICK_AWAITING = 0.5
AGAIN = 0.1
RENEW_AFTER = 4.0

MakeAdapter = Callable[[str, ClientSettings], Adapter]


@dataclass(frozen=True, slots=True)
class Held:
    """A client that is ours, and what runs for it."""

    lease: Lease
    session: Session
    commands: Commands
    task: asyncio.Task[None]

    @property
    def is_idle(self) -> bool:
        """Between two polls and two commands: the moment at which another may go on with it."""
        return self.session.is_resting and self.commands.are_idle


class Holder:
    """The leases of one replica and what runs under each."""

    def __init__(
        self,
        bus: Bus,
        clients: Mapping[str, ClientSettings],
        settings: PollSettings,
        *,
        make_adapter: MakeAdapter,
        holder: str,
        clock: Clock,
        random: Random,
        new_id: Callable[[], str],
    ) -> None:
        self._bus = bus
        enabled = [(name, client) for name, client in clients.items() if client.enabled]
        self._clients = dict(sorted(enabled, key=lambda item: (-item[1].priority, item[0])))
        self._settings = settings
        self._make_adapter = make_adapter
        self._holder = holder
        self._clock = clock
        self._random = random
        self._new_id = new_id
        self._leases = Leases(bus, holder, clock)
        self._watch = Watch(bus, clock)
        self._held: dict[str, Held] = {}
        self._foreign: set[str] = set()
        self._pulses: dict[str, Pulse] = {}
        self._freed = asyncio.Event()
        self._room = 0

    async def run(self) -> None:
        """Hold what is ours to hold until cancelled; then release it, so that others need not wait."""
        await self._watch.start()
        await self._bus.nc.subscribe(subjects.FREED, cb=self._on_freed)
        try:
            async with asyncio.TaskGroup() as group:
                while True:
                    checkpoint()
                    await self._pause(await self._tick(group))
        finally:
            leases = [held.lease for held in self._held.values()]
            await asyncio.gather(self._leases.leave(), *(lease.release() for lease in leases))
            await self._tell_freed()

    async def ready(self) -> str | None:
        """Always: a replica without a lease is a spare, not a broken one."""
        return None

    async def _pause(self, seconds: float) -> None:
        """About so many seconds, less when a lease was given back and this replica has room."""
        length = seconds * (0.75 + self._random.random() / 2)
        waiting = {asyncio.ensure_future(reason) for reason in (self._clock.sleep(length), self._freed.wait())}
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in waiting:
                task.cancel()

    async def _tick(self, group: asyncio.TaskGroup) -> float:
        """Look, take, renew, give back; the seconds until the next."""
        self._freed.clear()
        wait = TICK
        try:
            wait = await self._share(group)
        except BusUnavailable as error:
            log.warning("leases_wait", error=str(error))
        await asyncio.gather(*(self._renew(client) for client in list(self._held)))
        LEASES_HELD.set(len(self._held))
        return wait

    async def _share(self, group: asyncio.TaskGroup) -> float:
        look = await self._leases.look()
        now = self._clock.monotonic()
        self._pulses = feel(self._pulses, look.members, now)
        members = living(self._pulses, now) | {self._holder}
        foreign = {client for client, holder in look.holders.items() if holder != self._holder}
        self._foreign |= foreign
        wanted = takeable(list(self._clients), foreign, self._held, len(members))
        for client in wanted:
            await self._take(client, group)
        holders = {client: holder for client, holder in look.holders.items() if client in self._clients}
        if has_surplus(len(self._clients), len(self._held), holders, members):
            await self._give_back()
        self._room = quota(len(self._clients), len(members)) - len(self._held)
        if len(wanted) == AT_A_TIME:
            return AGAIN
        return TICK if not is_awaited(holders, members) else TICK_AWAITING

    async def _take(self, client: str, group: asyncio.TaskGroup) -> None:
        lease = await self._leases.take(client)
        if lease is not None:
            log.info("lease_taken", client=client)
            self._held[client] = self._begin(client, lease, group)

    async def _renew(self, client: str) -> None:
        held = self._held[client]
        if held.lease.age < RENEW_AFTER and held.lease.is_fresh():
            return
        try:
            await held.lease.renew()
        except Fenced as error:
            log.warning("lease_lost", client=client, reason=str(error))
            await self._drop(client)
        except BusUnavailable as error:
            log.warning("lease_unproven", client=client, error=str(error))

    async def _give_back(self) -> None:
        """The one that was taken last of those that are between two polls, and told so that it is polled on at once."""
        client = next((name for name, held in reversed(self._held.items()) if held.is_idle), None)
        if client is None:
            return
        lease = self._held[client].lease
        await self._drop(client)
        await lease.release()
        await self._tell_freed()
        log.info("lease_given_back", client=client)

    async def _drop(self, client: str) -> None:
        held = self._held.pop(client)
        held.lease.end()
        held.task.cancel()
        await asyncio.wait({held.task})

    async def _tell_freed(self) -> None:
        with suppress(NatsError):
            await self._bus.nc.publish(subjects.FREED, b"")

    async def _on_freed(self, message: Msg) -> None:
        if self._room > 0:
            self._freed.set()

    def _begin(self, client: str, lease: Lease, group: asyncio.TaskGroup) -> Held:
        settings = self._clients[client]
        table = ClientTable(
            self._bus,
            client,
            prove_lease=lease.renew,
            is_proven=lease.is_fresh,
            new_id=self._new_id,
            clock=self._clock,
        )
        session = Session(
            client,
            self._make_adapter(client, settings),
            table,
            Reporter(self._bus, client, settings.type, self._holder, lease.prove),
            self._watch,
            client=settings,
            settings=self._settings,
            clock=self._clock,
            random=self._random,
        )
        commands = Commands(self._bus, session, lease, self._clock)
        return Held(lease, session, commands, group.create_task(self._serve(session, commands)))

    async def _serve(self, session: Session, commands: Commands) -> None:
        """Poll and take commands until cancelled."""
        try:
            await self._let_the_last_holder_speak(session.name)
            await commands.start()
            async with asyncio.TaskGroup() as group:
                client = self._clients[session.name]
                policy = StallPolicy(
                    session, commands, client, clock=self._clock, random=self._random, new_id=self._new_id
                )
                group.create_task(policy.run())
                await session.run()
        finally:
            await commands.stop()
            await session.adapter.close()

    async def _let_the_last_holder_speak(self, client: str) -> None:
        """A client that another replica held has no table: the stream was lost, and its holder may publish it anew."""
        if client in self._foreign and not await _known(self._bus, client):
            await self._clock.sleep(LEASE_TTL)


async def _known(bus: Bus, client: str) -> bool:
    try:
        return bool(await read_subject(bus, client))
    except BusUnavailable:
        return False
