"""Which clients this replica polls: takes free leases, keeps its own proven, gives surplus back, runs the sessions."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from random import Random

from sluice_client_poller.adapters.port import Adapter
from sluice_client_poller.commands import Commands
from sluice_client_poller.lease import Lease, Leases, quota, takeable
from sluice_client_poller.metrics import LEASES_HELD
from sluice_client_poller.policy import StallPolicy
from sluice_client_poller.report import Reporter
from sluice_client_poller.session import Session
from sluice_client_poller.table import ClientTable
from sluice_client_poller.watch import Watch
from sluice_common.bus.connect import Bus
from sluice_common.bus.replica import read_subject
from sluice_common.bus.topology import LEASE_TTL
from sluice_common.kit import log as logging
from sluice_common.kit.clock import Clock
from sluice_common.kit.errors import BusUnavailable, Fenced
from sluice_common.kit.settings import ClientSettings, PollSettings

log = logging.get(__name__)

TICK = 2.0
RENEW_AFTER = 4.0
GIVE_BACK_EVERY = 10.0

MakeAdapter = Callable[[str, ClientSettings], Adapter]


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
        self._held: dict[str, tuple[Lease, asyncio.Task[None]]] = {}
        self._foreign: set[str] = set()
        self._gave_back = clock.monotonic()

    async def run(self) -> None:
        """Hold what is ours to hold until cancelled; then release it, so that others need not wait."""
        await self._watch.start()
        try:
            async with asyncio.TaskGroup() as group:
                while True:
                    await self._tick(group)
                    await self._clock.sleep(TICK * (0.75 + self._random.random() / 2))
        finally:
            leases = [lease for lease, _ in self._held.values()]
            await asyncio.gather(self._leases.leave(), *(lease.release() for lease in leases))

    async def ready(self) -> str | None:
        """Always: a replica without a lease is a spare, not a broken one."""
        return None

    async def _tick(self, group: asyncio.TaskGroup) -> None:
        try:
            members, held = await self._leases.look()
            self._foreign |= held
            for client in takeable(list(self._clients), held, self._held, members):
                await self._take(client, group)
            await self._give_back(members)
        except BusUnavailable as error:
            log.warning("leases_wait", error=str(error))
        await asyncio.gather(*(self._renew(client) for client in list(self._held)))
        LEASES_HELD.set(len(self._held))

    async def _take(self, client: str, group: asyncio.TaskGroup) -> None:
        lease = await self._leases.take(client)
        if lease is not None:
            log.info("lease_taken", client=client)
            self._held[client] = (lease, group.create_task(self._serve(client, lease)))

    async def _renew(self, client: str) -> None:
        lease, _ = self._held[client]
        if self._clock.monotonic() - lease.proven_at < RENEW_AFTER:
            return
        try:
            await lease.renew()
        except Fenced as error:
            log.warning("lease_lost", client=client, reason=str(error))
            await self._drop(client)
        except BusUnavailable as error:
            log.warning("lease_unproven", client=client, error=str(error))

    async def _give_back(self, members: int) -> None:
        surplus = len(self._held) - quota(len(self._clients), members)
        if surplus <= 0 or self._clock.monotonic() - self._gave_back < GIVE_BACK_EVERY:
            return
        client = next(reversed(self._held))
        lease, _ = self._held[client]
        await self._drop(client)
        await lease.release()
        self._gave_back = self._clock.monotonic()
        log.info("lease_given_back", client=client)

    async def _drop(self, client: str) -> None:
        _, task = self._held.pop(client)
        task.cancel()
        await asyncio.wait({task})

    async def _serve(self, client: str, lease: Lease) -> None:
        """Poll and take commands until cancelled."""
        settings = self._clients[client]
        adapter = self._make_adapter(client, settings)
        table = ClientTable(self._bus, client, prove_lease=lease.renew, new_id=self._new_id, clock=self._clock)
        reporter = Reporter(self._bus, client, settings.type, self._holder)
        session = Session(
            client,
            adapter,
            table,
            reporter,
            self._watch,
            client=settings,
            settings=self._settings,
            clock=self._clock,
            random=self._random,
        )
        commands = Commands(self._bus, session, lease, self._clock)
        try:
            await self._let_the_last_holder_speak(client)
            await commands.start()
            async with asyncio.TaskGroup() as group:
                group.create_task(StallPolicy(session, commands, settings, self._clock).run())
                await session.run()
        finally:
            await commands.stop()
            await adapter.close()

    async def _let_the_last_holder_speak(self, client: str) -> None:
        """A client that another replica held has no table: the stream was lost, and its holder may publish it anew."""
        if client in self._foreign and not await _known(self._bus, client):
            await self._clock.sleep(LEASE_TTL)


async def _known(bus: Bus, client: str) -> bool:
    try:
        return bool(await read_subject(bus, client))
    except BusUnavailable:
        return False
