"""A poller in the test's own process: a real bus, a fake or real client, short times."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from random import Random

from sluice_client_poller.adapters.port import Adapter
from sluice_client_poller.holder import Holder
from sluice_common.bus.connect import Bus
from sluice_common.bus.replica import read_subject
from sluice_common.bus.rpc import call
from sluice_common.contracts import codec, commands, subjects
from sluice_common.contracts.events import Event
from sluice_common.contracts.frames import Table, adopt
from sluice_common.kit.clock import SYSTEM_CLOCK
from sluice_common.kit.errors import BusUnavailable
from sluice_common.kit.settings import ClientSettings, PollSettings

FAST = PollSettings(fast=0.05, slow=0.05, hold=0.5, hold_after_reconnect=2.0)
ANY_CLIENT = ClientSettings(type="deluge", url="http://127.0.0.1:1")
_numbers = itertools.count(1)


def make_holder(
    bus: Bus, adapters: dict[str, Adapter], *, settings: PollSettings = FAST, client: ClientSettings = ANY_CLIENT
) -> Holder:
    """A replica that polls `adapters`, each configured as `client`."""
    number = next(_numbers)
    ids = itertools.count(1)
    clients = dict.fromkeys(adapters, client)
    make: Callable[[str, ClientSettings], Adapter] = lambda name, _: adapters[name]  # noqa: E731
    return Holder(
        bus,
        clients,
        settings,
        make_adapter=make,
        holder=f"poller-{number}",
        clock=SYSTEM_CLOCK,
        random=Random(number),
        new_id=lambda: f"id-{number}-{next(ids)}",
    )


@asynccontextmanager
async def polling(
    bus: Bus, adapters: dict[str, Adapter], *, settings: PollSettings = FAST, client: ClientSettings = ANY_CLIENT
) -> AsyncIterator[Holder]:
    """A replica that runs until the block ends."""
    holder = make_holder(bus, adapters, settings=settings, client=client)
    task = asyncio.create_task(holder.run())
    try:
        yield holder
    finally:
        task.cancel()
        await asyncio.wait({task})


async def committed(bus: Bus, client: str) -> Table | None:
    """The table as the stream holds it now."""
    try:
        return adopt(await read_subject(bus, client), "reader").table
    except BusUnavailable:
        return None


async def all_events(bus: Bus) -> list[Event]:
    """Every event in the stream, in the order of the stream."""
    info = await bus.js.stream_info(subjects.EVENTS)
    if not info.state.messages:
        return []
    events = []
    for sequence in range(info.state.first_seq, info.state.last_seq + 1):
        message = await bus.js.get_msg(subjects.EVENTS, sequence)
        events.append(codec.from_json(message.data or b"", Event))
    return events


async def event_types(bus: Bus) -> list[str]:
    """The types of all events about downloads."""
    return [event.type for event in await all_events(bus) if event.type.startswith("download.")]


async def send(bus: Bus, verb: str, body: object, request_id: str = "r1") -> commands.Done:
    """A command to the client `fake`, as a gateway sends it."""
    subject = subjects.command("fake", verb)
    return await call(bus, subject, body, commands.Done, request_id=request_id, actor="tester")
