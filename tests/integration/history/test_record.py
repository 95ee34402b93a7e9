"""Every event is recorded once, whatever is redelivered, deleted or killed."""

from __future__ import annotations

import asyncio
import random
import signal
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime

import msgspec
import pytest
from typing_extensions import override

from sluice_common.bus.connect import Bus
from sluice_common.bus.consume import Poison
from sluice_common.contracts import subjects
from sluice_common.contracts.events import DownloadData, Event
from sluice_common.db.pool import Database
from sluice_common.kit.clock import SYSTEM_CLOCK, SystemClock
from sluice_common.kit.settings import PostgresSettings
from sluice_history import metrics
from sluice_history.record import CONSUMER, Recorder, recorder
from support.history import Start, an_event, eventually, publish, recorded
from support.nats import NatsForTest
from support.postgres import PostgresForTest
from support.processes import end


async def _all_once(db: Database, count: int) -> None:
    async def there() -> bool:
        return len(await recorded(db)) >= count

    await eventually(there, f"{count} events recorded")
    ids = Counter(entry.id for entry in await recorded(db))
    assert (len(ids), max(ids.values())) == (count, 1)


async def _read_to_the_end(bus: Bus) -> None:
    async def drained() -> bool:
        info = await bus.js.consumer_info(subjects.EVENTS, CONSUMER)
        return not info.num_pending and not info.num_ack_pending

    await eventually(drained, "everything is acknowledged")


async def test_repetitions_are_recorded_once_and_counted(bus: Bus, db: Database, start: Start) -> None:
    """An event that the stream could not recognise as a repetition changes nothing."""
    events = [an_event(number) for number in range(120)]
    before = metrics.DUPLICATES._value.get()
    await publish(bus, events)
    await publish(bus, events[::-1], again="x")
    start(recorder(bus, db).run)
    await _all_once(db, 120)
    await _read_to_the_end(bus)
    assert len(await recorded(db)) == 120
    assert metrics.DUPLICATES._value.get() - before == 120


async def test_two_replicas_and_one_that_dies_unacknowledged(
    bus: Bus, other_bus: Bus, db: Database, start: Start
) -> None:
    """Two recorders share the stream; what one committed and did not acknowledge is not recorded twice."""
    await publish(bus, [an_event(number) for number in range(100)])
    dying = recorder(other_bus, db)
    commit = dying._handler

    async def commit_and_die(batch: Sequence[Event]) -> None:
        await commit(batch)
        raise asyncio.CancelledError

    dying._handler = commit_and_die
    with suppress(asyncio.CancelledError):
        await start(dying.run)
    assert len(await recorded(db)) > 0
    # What the dead one held comes again when its time is up; `ack_wait` would be half a minute of waiting here.
    await bus.js.delete_consumer(subjects.EVENTS, CONSUMER)
    start(recorder(bus, db, batch=7).run)
    start(recorder(other_bus, db, batch=7).run)
    await publish(bus, [an_event(number) for number in range(100, 400)])
    await _all_once(db, 400)
    await _read_to_the_end(bus)


async def test_a_deleted_consumer_starts_over(bus: Bus, db: Database, start: Start) -> None:
    """Deleting the durable in mid-stream loses nothing and doubles nothing."""
    start(recorder(bus, db, batch=20).run)
    await publish(bus, [an_event(number) for number in range(100)])
    await bus.js.delete_consumer(subjects.EVENTS, CONSUMER)
    await publish(bus, [an_event(number) for number in range(100, 200)])
    await _all_once(db, 200)


async def test_nats_killed_in_mid_stream(nats_server: NatsForTest, bus: Bus, db: Database, start: Start) -> None:
    """kill -9 of NATS while events flow: everything that was acknowledged to the publisher is recorded once."""
    start(recorder(bus, db, batch=10).run)
    publishing = asyncio.create_task(publish(bus, [an_event(number) for number in range(600)]))

    async def some() -> bool:
        return len(await recorded(db)) > 50

    await eventually(some, "events flow")
    assert not publishing.done(), "the kill must come in between"
    nats_server.kill()
    nats_server.start()
    await publishing
    await _all_once(db, 600)


@pytest.mark.embedded_only
async def test_postgres_away_in_mid_stream(
    bus: Bus, db: Database, postgres_server: PostgresForTest, start: Start
) -> None:
    """PostgreSQL stops in mid-stream and comes back: the batch waits for it, nothing is given back or put aside."""
    start(recorder(bus, db, batch=10).run)
    await publish(bus, [an_event(number) for number in range(50)])
    await asyncio.to_thread(end, postgres_server._process, sign=signal.SIGINT)
    postgres_server._process = None
    waiting = asyncio.create_task(Recorder(db, SYSTEM_CLOCK)([an_event(1000)]))
    await publish(bus, [an_event(number) for number in range(50, 100)])
    assert not waiting.done()
    postgres_server.start()  # in this thread: the server dies with the thread that started it
    await waiting
    await _all_once(db, 101)
    assert (await bus.js.stream_info(subjects.DEAD_LETTERS)).state.messages == 0


async def test_a_database_that_refuses_everybody_is_waited_for(
    db: Database, database: PostgresSettings, postgres_server: PostgresForTest
) -> None:
    """What is wrong with the database is no fault of an event: it waits until somebody mends it."""
    name = database.dsn.rpartition("/")[2]
    await asyncio.to_thread(postgres_server.execute, f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
    throw_out = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'test'"
    await asyncio.to_thread(postgres_server.execute, throw_out)
    refused = asyncio.Event()

    class Told(SystemClock):
        @override
        async def sleep(self, seconds: float) -> None:
            refused.set()
            await super().sleep(seconds)

    waiting = asyncio.create_task(Recorder(db, Told())([an_event(1)]))
    await asyncio.wait_for(refused.wait(), 20)
    await asyncio.to_thread(postgres_server.execute, f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
    await asyncio.wait_for(waiting, 20)
    assert len(await recorded(db)) == 1


async def test_an_event_that_no_index_can_hold_is_poison(db: Database) -> None:
    """An absurd id is the event's own fault; waiting would stop everything behind it."""
    absurd = msgspec.structs.replace(an_event(1), id=random.Random(1).randbytes(8000).hex())
    with pytest.raises(Poison):
        await Recorder(db, SYSTEM_CLOCK)([absurd])


async def test_poison_goes_to_the_dead_letters_and_the_rest_flows(bus: Bus, db: Database, start: Start) -> None:
    """Garbage, and an event that breaks its contract in the middle of a batch, are put aside with the reason."""
    await publish(bus, [an_event(number) for number in range(10)])
    await bus.js.publish("sluice.events.download.added.deluge", b"\x00garbage", stream=subjects.EVENTS)
    zoneless = msgspec.structs.replace(an_event(10), time=datetime(2026, 1, 1))  # noqa: DTZ001 - the fault is the point
    await publish(bus, [zoneless, *(an_event(number) for number in range(11, 20))])
    start(recorder(bus, db).run)
    await _all_once(db, 19)
    await _read_to_the_end(bus)
    state = (await bus.js.stream_info(subjects.DEAD_LETTERS)).state
    reasons = set()
    for sequence in range(1, state.messages + 1):
        message = await bus.js.get_msg(subjects.DEAD_LETTERS, sequence)
        reasons.add((message.headers or {})["Sluice-Reason"])
    assert reasons == {"undecodable", "the event's time has no zone"}


async def test_a_hostile_name_is_recorded(bus: Bus, db: Database, start: Start) -> None:
    """NUL, which PostgreSQL refuses, quotes and long text do not lose an event."""
    hostile = "a\x00b'\"; DROP TABLE history.events; --" + "x" * 2000
    await publish(bus, [an_event(1, name=hostile)])
    start(recorder(bus, db).run)
    await _all_once(db, 1)
    (entry,) = await recorded(db)
    assert msgspec.convert(entry.data, DownloadData).name == hostile.replace("\x00", "\ufffd")
    assert (entry.source, entry.download_id, entry.epoch) == ("client-poller", "d1", "c1")
