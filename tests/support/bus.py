"""Publishing a table on a real bus as a poller does, without the rest of a poller."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime

from sluice_common.bus.connect import Bus
from sluice_common.bus.replica import Replica, publish_part, purge_before, read_subject
from sluice_common.contracts.events import DownloadData, Event, make
from sluice_common.contracts.frames import Frame, Writer, adopt
from sluice_common.model.download import Download
from support.nats import NatsForTest
from support.waiting import until

NOW = datetime(2026, 1, 1, tzinfo=UTC)
_numbers = itertools.count(1)


def rows(*ids: str, client: str = "c", done: int = 0) -> dict[str, Download]:
    """A table."""
    return {download_id: Download(client=client, id=download_id, epoch="e", done=done) for download_id in ids}


def event(download_id: str, *, client: str = "c", kind: str = "download.added", event_id: str | None = None) -> Event:
    """A lifecycle event; its id is the download's unless given."""
    data = DownloadData(client=client, id=download_id, epoch="e", name=download_id)
    return make(event_id or f"{kind}-{download_id}", kind, "test", NOW, data)


async def restart(server: NatsForTest, *buses: Bus, wipe: bool = False) -> None:
    """SIGKILL the server and start it again, with an empty store if asked; returns once all are connected again."""
    server.kill()
    await until(lambda: not any(bus.nc.is_connected for bus in buses), what="everybody saw it go")
    if wipe:
        server.wipe()
    server.start()
    await until(lambda: all(bus.nc.is_connected for bus in buses), what="everybody is back")


async def open_table(bus: Bus, client: str = "c", memory: Writer | None = None) -> Writer:
    """A writer on top of what the subject holds."""
    return adopt(await read_subject(bus, client), f"i{next(_numbers)}", memory=memory)


async def publish(bus: Bus, writer: Writer, frames: Iterable[Frame], client: str = "c") -> int:
    """Publish all parts of one frame; the sequence of the last."""
    sequence = 0
    for frame in frames:
        sequence = await publish_part(bus, client, frame, writer.fence)
        writer.acked(frame, sequence)
    return sequence


async def keyframe(bus: Bus, writer: Writer, table: Mapping[str, Download], client: str = "c") -> int:
    """Publish a keyframe (its events count as announced) and purge what it replaces."""
    writer.mark_announced(1_000_000)
    sequence = await publish(bus, writer, writer.plan_keyframe(table, NOW, f"k{next(_numbers)}"), client)
    await purge_before(bus, client, writer.purge_bound)
    return sequence


async def delta(
    bus: Bus, writer: Writer, upserts: Mapping[str, Download], removed: Sequence[str] = (), client: str = "c"
) -> int:
    """Publish a delta."""
    planned = writer.plan_delta(list(upserts.values()), removed, NOW, f"d{next(_numbers)}")
    return await publish(bus, writer, planned, client)


@asynccontextmanager
async def following(bus: Bus) -> AsyncIterator[Replica]:
    """A replica that runs."""
    replica = Replica(bus)
    task = asyncio.create_task(replica.run())
    try:
        yield replica
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
