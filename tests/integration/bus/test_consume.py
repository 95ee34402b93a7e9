"""Our durable consumer on a real JetStream: every event is handled at least once, whatever breaks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress

import pytest
from nats.js.errors import NotFoundError

from sluice_common.bus import consume
from sluice_common.bus.connect import Bus
from sluice_common.bus.consume import DurableConsumer, Poison
from sluice_common.bus.publish import publish_event
from sluice_common.contracts import codec, subjects
from sluice_common.contracts.events import Event
from sluice_common.kit.errors import BusUnavailable
from support.bus import event
from support.nats import NatsForTest
from support.waiting import until

NAME = "tested"


class Recorder:
    """Handles events by remembering them; `refuse` may raise for a batch before anything is kept."""

    def __init__(self, refuse: Callable[[list[str]], None] = lambda _: None) -> None:
        self.batches: list[list[str]] = []
        self._refuse = refuse

    @property
    def seen(self) -> list[str]:
        return [event_id for batch in self.batches for event_id in batch]

    async def __call__(self, events: Sequence[Event]) -> None:
        ids = [event.subject.partition("/")[2] for event in events]
        self._refuse(ids)
        self.batches.append(ids)


@asynccontextmanager
async def consuming(
    bus: Bus, handler: Callable[[Sequence[Event]], Awaitable[None]], filters: Sequence[str] = (subjects.ALL_EVENTS,)
) -> AsyncIterator[asyncio.Task[None]]:
    """A running consumer, cancelled at the end; a death of its own fails the test."""
    task = asyncio.create_task(DurableConsumer(bus, NAME, filters, handler).run())
    try:
        yield task
        assert not task.done(), "the consumer ended by itself"
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _publish(bus: Bus, *ids: str) -> None:
    for download_id in ids:
        await publish_event(bus, event(download_id))


async def _publish_stubbornly(bus: Bus, ids: Sequence[str]) -> None:
    """As a poller does: an unknown outcome is published again."""
    for download_id in ids:
        while True:
            try:
                await publish_event(bus, event(download_id))
                break
            except BusUnavailable:
                await asyncio.sleep(0.05)


async def _settled(bus: Bus) -> bool:
    info = await bus.js.consumer_info(subjects.EVENTS, NAME)
    return not info.num_pending and not info.num_ack_pending


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retries come at once."""
    monkeypatch.setattr(consume, "RETRY_DELAY", 0.05)
    monkeypatch.setattr(consume, "MAX_RETRY_DELAY", 0.2)


async def test_what_was_published_before_is_consumed_in_order(bus: Bus) -> None:
    """A consumer that is new, or was away for a week, begins with the oldest event and acknowledges each."""
    ids = [f"e{n}" for n in range(250)]
    await _publish(bus, *ids)
    recorder = Recorder()
    async with consuming(bus, recorder):
        await until(lambda: len(recorder.seen) == 250, what="all handled")
        await until(lambda: _settled(bus), what="all acknowledged")
    assert recorder.seen == ids
    async with consuming(bus, recorder):
        await _publish(bus, "later")
        await until(lambda: "later" in recorder.seen, what="goes on where it was")
    assert recorder.seen == [*ids, "later"]


async def test_only_what_the_filter_names(bus: Bus) -> None:
    """A consumer of completions hears of nothing else."""
    recorder = Recorder()
    async with consuming(bus, recorder, [subjects.COMPLETIONS]):
        await _publish(bus, "a")
        await publish_event(bus, event("b", kind="download.completed"))
        await until(lambda: recorder.seen == ["b"], what="the completion")


@pytest.mark.usefixtures("impatient")
async def test_a_failed_commit_is_tried_again(bus: Bus) -> None:
    """The handler raised, so nothing was acknowledged: the same events come again until it commits."""
    failures = iter([True, True, True])

    def refuse(_: list[str]) -> None:
        if next(failures, False):
            raise ConnectionError("the database is away")

    recorder = Recorder(refuse)
    await _publish(bus, "a", "b", "c")
    async with consuming(bus, recorder):
        await until(lambda: set(recorder.seen) == {"a", "b", "c"}, what="all handled in the end")
        await until(lambda: _settled(bus), what="all acknowledged")
    assert (await bus.js.stream_info(subjects.DEAD_LETTERS)).state.messages == 0


@pytest.mark.usefixtures("impatient")
async def test_a_poisonous_event_goes_to_the_dead_letters_alone(bus: Bus) -> None:
    """One event that can never be handled does not hold up its neighbours, and is kept with its reason."""

    def refuse(ids: list[str]) -> None:
        if "bad" in ids:
            raise Poison("no such\ncolumn" if len(ids) == 1 else "a batch with a bad one")

    recorder = Recorder(refuse)
    await _publish(bus, "a", "bad", "b")
    async with consuming(bus, recorder):
        await until(lambda: set(recorder.seen) == {"a", "b"}, what="the others are handled")
        await until(lambda: _settled(bus), what="nothing is redelivered any more")
    letter = await bus.js.get_last_msg(subjects.DEAD_LETTERS, subjects.dead_letter(NAME))
    assert letter.headers is not None
    assert codec.from_json(letter.data or b"", Event).id == event("bad").id
    assert letter.headers["Sluice-Reason"] == "no such column"
    assert letter.headers["Sluice-Subject"] == subjects.event("download.added", "c")
    assert (await bus.js.stream_info(subjects.DEAD_LETTERS)).state.messages == 1


@pytest.mark.usefixtures("impatient")
async def test_a_handler_that_never_succeeds_gives_up_at_last(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    """An event that fails for ever ends in the dead letters, without the words of the exception."""
    monkeypatch.setattr(consume, "MAX_ATTEMPTS", 3)

    def refuse(ids: list[str]) -> None:
        if "bad" in ids:
            raise KeyError("secret")

    recorder = Recorder(refuse)
    await _publish(bus, "bad")
    async with consuming(bus, recorder):
        await until(lambda: _dead(bus), what="dead-lettered")
        await _publish(bus, "good")
        await until(lambda: recorder.seen == ["good"], what="goes on")
    letter = await bus.js.get_last_msg(subjects.DEAD_LETTERS, subjects.dead_letter(NAME))
    assert letter.headers is not None
    assert letter.headers["Sluice-Reason"] == "KeyError"


async def _dead(bus: Bus) -> bool:
    return (await bus.js.stream_info(subjects.DEAD_LETTERS)).state.messages > 0


async def test_what_is_no_event_is_dead_lettered(bus: Bus) -> None:
    """Bytes that no version understands are put aside at once, with the original's data."""
    recorder = Recorder()
    await bus.js.publish(subjects.event("download.added", "c"), b"{broken", stream=subjects.EVENTS)
    async with consuming(bus, recorder):
        await _publish(bus, "good")
        await until(lambda: recorder.seen == ["good"], what="the good one")
        await until(lambda: _settled(bus), what="nothing comes again")
    letter = await bus.js.get_last_msg(subjects.DEAD_LETTERS, subjects.dead_letter(NAME))
    assert (letter.data, (letter.headers or {})["Sluice-Reason"]) == (b"{broken", "undecodable")


async def test_a_deleted_consumer_comes_back(bus: Bus) -> None:
    """Somebody deletes the durable under us: it is made again within seconds and misses nothing."""
    recorder = Recorder()
    async with consuming(bus, recorder):
        await _publish(bus, "a")
        await until(lambda: recorder.seen == ["a"], what="running")
        await until(lambda: _settled(bus), what="acknowledged")
        await bus.js.delete_consumer(subjects.EVENTS, NAME)
        await _publish(bus, "b")
        await until(lambda: "b" in recorder.seen, what="recovered", seconds=10)


async def test_a_killed_server_loses_no_event(bus: Bus, other: Bus, nats_server: NatsForTest) -> None:
    """kill -9 of NATS in mid-stream: every event that was acknowledged to its publisher is handled."""
    ids = [f"e{n}" for n in range(300)]
    recorder = Recorder()
    async with consuming(bus, recorder):
        publishing = asyncio.create_task(_publish_stubbornly(other, ids))
        await until(lambda: len(recorder.seen) > 30, what="in mid-stream", seconds=20)
        assert not publishing.done()
        nats_server.kill()
        nats_server.start()
        await asyncio.wait_for(publishing, 30)
        await until(lambda: set(recorder.seen) == set(ids), what="every event", seconds=45)


async def test_a_wiped_server_is_consumed_again(bus: Bus, other: Bus, nats_server: NatsForTest) -> None:
    """The store is lost: the stream and the consumer are made again, and what is published then is handled."""
    recorder = Recorder()
    async with consuming(bus, recorder):
        await _publish(bus, "before")
        await until(lambda: recorder.seen == ["before"], what="running")
        nats_server.kill()
        nats_server.wipe()
        nats_server.start()
        await _publish_stubbornly(other, ["after"])
        await until(lambda: "after" in recorder.seen, what="recovered", seconds=20)


async def test_one_event_published_often_is_stored_once(bus: Bus, other: Bus) -> None:
    """The id makes a repetition harmless, from whomever it comes."""
    for publisher in (bus, other, bus):
        await publish_event(publisher, event("a"))
    assert (await bus.js.stream_info(subjects.EVENTS)).state.messages == 1


async def test_publishing_without_a_stream_restores_it(bus: Bus) -> None:
    """The event stream is gone: the publisher says that the outcome is unknown, and the next try is stored."""
    await bus.js.delete_stream(subjects.EVENTS)
    with pytest.raises(BusUnavailable):
        await publish_event(bus, event("a"))
    await publish_event(bus, event("a"))
    assert (await bus.js.stream_info(subjects.EVENTS)).state.messages == 1


async def test_publishing_to_a_dead_server_is_an_unknown_outcome(
    bus: Bus, nats_server: NatsForTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No acknowledgement within its time is BusUnavailable, never silence."""
    monkeypatch.setattr(bus.js, "_timeout", 0.3)
    nats_server.kill()
    with pytest.raises(BusUnavailable):
        await publish_event(bus, event("a"))
    nats_server.start()
    await _publish_stubbornly(bus, ["a"])
    assert (await bus.js.stream_info(subjects.EVENTS)).state.messages == 1


async def test_a_consumer_waits_for_a_stream_that_is_not_there(bus: Bus) -> None:
    """A bus that was cleared by hand gets its streams from whoever consumes."""
    await bus.js.delete_stream(subjects.EVENTS)
    with pytest.raises(NotFoundError):
        await bus.js.stream_info(subjects.EVENTS)
    recorder = Recorder()
    async with consuming(bus, recorder):
        await _publish_stubbornly(bus, ["a"])
        await until(lambda: recorder.seen == ["a"], what="handled")
