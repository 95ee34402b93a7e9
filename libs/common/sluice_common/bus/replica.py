"""Moves frames: reads a subject, follows all of them, publishes fenced parts. The rules are in contracts/frames."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from datetime import datetime
from typing import Any

from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from nats.js.errors import APIError, BadRequestError, NotFoundError

from sluice_common.bus.connect import Bus
from sluice_common.contracts import codec, subjects
from sluice_common.contracts.commands import Position
from sluice_common.contracts.frames import Applied, Frame, Outcome, Reader, Table
from sluice_common.kit import log as logging
from sluice_common.kit.clock import SYSTEM_CLOCK, Clock
from sluice_common.kit.errors import BusUnavailable, Fenced
from sluice_common.kit.tasks import checkpoint

log = logging.get(__name__)

CHECK_EVERY = 5.0
WRONG_LAST_SEQUENCE = 10071
MAXIMUM_BYTES_EXCEEDED = 10077
# Compressed; such a part takes some milliseconds to decode.
BIG_PART = 16_384
FENCE_HEADER = "Nats-Expected-Last-Subject-Sequence"
_TROUBLE = (NatsError, APIError, asyncio.TimeoutError)


class StreamFull(BusUnavailable):
    """The stream takes no more bytes; old frames are never dropped for new ones."""


class StreamLost(Exception):
    """The stream is not the one that was being read, or frames are missing: discard and replay."""


async def publish_part(bus: Bus, client: str, frame: Frame, fence: int) -> int:
    """Publish one part behind the fence; its stream sequence.

    Raises Fenced when somebody else wrote to the subject, StreamFull when it was not stored, BusUnavailable when the
    outcome is unknown. Whichever, the writer is spent.
    """
    headers = {FENCE_HEADER: str(fence)}
    try:
        ack = await bus.js.publish(subjects.frames(client), codec.pack(frame), stream=subjects.FRAMES, headers=headers)
    except BadRequestError as error:
        if error.err_code == WRONG_LAST_SEQUENCE:
            raise Fenced(f"the table of {client} was written by another poller") from error
        raise BusUnavailable(f"the frame was refused: {error.err_code}") from error
    except APIError as error:
        if error.err_code == MAXIMUM_BYTES_EXCEEDED:
            raise StreamFull("the queue's stream is full") from error
        raise BusUnavailable(f"the frame was refused: {error.err_code}") from error
    except _TROUBLE as error:
        raise BusUnavailable(f"the frame was not acknowledged: {type(error).__name__}") from error
    return ack.seq


async def purge_before(bus: Bus, client: str, sequence: int) -> None:
    """Drop everything on the subject before `sequence`. A failure only leaves old frames."""
    try:
        await bus.js.purge_stream(subjects.FRAMES, seq=sequence, subject=subjects.frames(client))
    except _TROUBLE as error:
        log.warning("purge_failed", client=client, error=type(error).__name__)


async def read_subject(bus: Bus, client: str) -> list[tuple[int, Frame | None]]:
    """Every message on a client's subject, oldest first; raises BusUnavailable rather than return a part."""
    subject = subjects.frames(client)
    try:
        last = await bus.js.get_last_msg(subjects.FRAMES, subject)
    except NotFoundError:
        await _assert_stream(bus)
        return []
    except _TROUBLE as error:
        raise BusUnavailable(f"cannot read the table of {client}: {type(error).__name__}") from error
    messages: list[tuple[int, Frame | None]] = []
    try:
        consumer = await _consumer(bus, subject)
        async with aclosing(_pull(bus, consumer)) as pulled:
            async for message in pulled:
                sequence = message.metadata.sequence.stream
                messages.append((sequence, _decode(message)))
                if sequence >= (last.seq or 0):
                    break
            else:
                raise BusUnavailable(f"the table of {client} ended early")
    except (StreamLost, *_TROUBLE) as error:
        raise BusUnavailable(f"cannot read the table of {client}: {type(error).__name__}") from error
    await _delete_consumer(bus, consumer)
    return messages


async def delete_frames(bus: Bus, sequences: Sequence[int]) -> None:
    """Delete single messages to make room. A failure only leaves them."""
    for sequence in sequences:
        try:
            await bus.js.delete_msg(subjects.FRAMES, sequence)
        except _TROUBLE as error:
            log.warning("delete_failed", error=type(error).__name__)


async def frames_state(bus: Bus) -> tuple[datetime | None, float]:
    """When the stream was made (another time means that everything on it was lost), and how full it is, 0 to 1.

    Raises BusUnavailable.
    """
    try:
        info = await bus.js.stream_info(subjects.FRAMES)
        return info.created, info.state.bytes / max(info.config.max_bytes or 0, 1)
    except NotFoundError:
        return None, 0.0
    except _TROUBLE as error:
        raise BusUnavailable(f"JetStream: {type(error).__name__}") from error


async def _assert_stream(bus: Bus) -> None:
    """No message can also mean no stream: make it, so that the first fenced publish has somewhere to go."""
    try:
        await bus.ensure_topology()
    except _TROUBLE as error:
        raise BusUnavailable(f"JetStream: {type(error).__name__}") from error


async def _pull(bus: Bus, consumer: str) -> AsyncGenerator[Msg, None]:
    """Messages of a fresh ephemeral consumer until a fetch stays empty; raises StreamLost on a gap."""
    subscription = await bus.js.pull_subscribe_bind(consumer, stream=subjects.FRAMES)
    expected = 1
    try:
        while True:
            try:
                batch = await subscription.fetch(256, timeout=2)
            except asyncio.TimeoutError:  # noqa: UP041 - nats' own is a subclass
                return
            for message in batch:
                if message.metadata.sequence.consumer != expected:
                    raise StreamLost("a message was skipped")
                expected += 1
                yield message
    finally:
        await _unsubscribe(subscription)


async def _consumer(bus: Bus, subject: str) -> str:
    """The name of a fresh ephemeral consumer."""
    config = ConsumerConfig(
        ack_policy=AckPolicy.NONE,
        deliver_policy=DeliverPolicy.ALL,
        filter_subject=subject,
        inactive_threshold=30,
        mem_storage=True,
        num_replicas=1,
    )
    return (await bus.js.add_consumer(subjects.FRAMES, config)).name


async def _delete_consumer(bus: Bus, consumer: str) -> None:
    """Now, not when it was idle for long: a stream takes 1,000 (NATS 2.15), and no table can be read after them."""
    try:
        await bus.js.delete_consumer(subjects.FRAMES, consumer)
    except _TROUBLE as error:
        log.debug("consumer_left", error=type(error).__name__)


async def _unsubscribe(subscription: Any) -> None:
    try:
        await subscription.unsubscribe()
    except _TROUBLE:
        log.debug("unsubscribe_failed")


def _decode(message: Msg) -> Frame | None:
    try:
        return codec.unpack(message.data, Frame)
    except codec.Undecodable:
        log.exception("frame_undecodable", subject=message.subject)
        return None


class Replica:
    """The last committed table of every client, followed live.

    `tables` holds a Reader per client; `caught_up` says whether a whole replay was finished since the last doubt.
    While a replay runs the old tables stay visible. Listeners are called on the loop, right after a frame applied
    (`on_frame`) or after a replay replaced everything (`on_reset`); they must not block.
    """

    def __init__(self, bus: Bus, clock: Clock = SYSTEM_CLOCK) -> None:
        self._bus = bus
        self._clock = clock
        self._readers: dict[str, Reader] = {}
        self._born: datetime | None = None
        self._seen = 0
        self._left: int | None = None
        self._moved = asyncio.Condition()
        self.caught_up = False
        self.on_frame: list[Callable[[str, Applied], None]] = []
        self.on_reset: list[Callable[[], None]] = []

    def table(self, client: str) -> Table | None:
        """The client's committed table, None when it is unknown."""
        reader = self._readers.get(client)
        return reader.table if reader else None

    def clients(self) -> list[str]:
        """Clients that have ever published a frame here."""
        return sorted(self._readers)

    async def ready(self) -> str | None:
        """None when a replay was finished since the last doubt, else why not."""
        return None if self.caught_up else "the queue is being read"

    async def reached(self, client: str, position: Position, within: float) -> bool:
        """Wait until this replica shows `position`; False when it did not `within` that many seconds."""

        def there() -> bool:
            table = self.table(client)
            # Sequences only rise, also over a wipe: a lower one of another incarnation is an older table.
            return table is not None and table.sequence >= position.sequence

        try:
            async with asyncio.timeout(within), self._moved:
                await self._moved.wait_for(there)
        except TimeoutError:
            return False
        return True

    async def run(self) -> None:
        """Replay and follow until cancelled; any doubt about the stream starts over."""
        while True:
            try:
                await self._follow()
            except StreamLost as doubt:
                log.warning("replica_replays", reason=str(doubt))
            except _TROUBLE as error:
                log.warning("replica_waits", error=type(error).__name__)
            await self._doubt()
            await self._clock.sleep(0.2)

    async def _doubt(self) -> None:
        """What is shown may be old: it stays, but counts as certain only after the next replay."""
        self.caught_up = False
        async with self._moved:
            self._moved.notify_all()

    async def _follow(self) -> None:
        await self._bus.ensure_topology()
        info = await self._bus.js.stream_info(subjects.FRAMES)
        target = info.state.last_seq if info.state.messages else 0
        self._born, self._seen, self._left = info.created, 0, None
        fresh: dict[str, Reader] = {}
        consumer = await _consumer(self._bus, subjects.ALL_FRAMES)
        subscription = await self._bus.js.pull_subscribe_bind(consumer, stream=subjects.FRAMES)
        try:
            await self._replay(subscription, fresh, target)
        finally:
            await _unsubscribe(subscription)

    async def _replay(self, subscription: Any, readers: dict[str, Reader], target: int) -> None:
        received, suspect = 0, False
        live = await self._swap_when(readers, target, live=False)
        checked = self._clock.monotonic()
        while True:
            checkpoint()
            batch = await self._batch(subscription)
            if suspect and not batch:
                raise StreamLost("the consumer is silent")
            for message in batch:
                received += 1
                if message.metadata.sequence.consumer != received:
                    raise StreamLost("a message was skipped")
                await self._take(message, readers, live=live)
                if len(message.data) > BIG_PART:
                    await asyncio.sleep(0)  # a keyframe's parts come all at once; others want the loop in between
            if not batch and not live:
                self._left = (await subscription.consumer_info()).num_pending
            live = live or await self._swap_when(readers, target, live=live)
            if self._clock.monotonic() - checked >= CHECK_EVERY:
                suspect = await self._owes(subscription, received)
                checked = self._clock.monotonic()
            elif batch:
                suspect = False

    async def _batch(self, subscription: Any) -> list[Msg]:
        try:
            batch: list[Msg] = await subscription.fetch(256, timeout=1)
        except asyncio.TimeoutError:  # noqa: UP041 - nats' own is a subclass
            return []
        return batch

    async def _swap_when(self, readers: dict[str, Reader], target: int, *, live: bool) -> bool:
        """Show the replayed tables once everything that was there at the start has been read.

        The stream's last message may be gone (its client was forgotten); then the consumer says that nothing is left.
        """
        if live or (self._seen < target and self._left != 0):
            return live
        self._readers = readers
        self.caught_up = True
        for reset in self.on_reset:
            reset()
        async with self._moved:
            self._moved.notify_all()
        return True

    async def _take(self, message: Msg, readers: dict[str, Reader], *, live: bool) -> None:
        sequence, client = message.metadata.sequence.stream, subjects.client_of(message.subject)
        self._seen, self._left = sequence, message.metadata.num_pending
        reader = readers.setdefault(client, Reader())
        frame = _decode(message)
        outcome = reader.damaged(sequence) if frame is None else reader.feed(sequence, frame)
        if outcome is Outcome.MISMATCH and live:
            raise StreamLost(f"a frame of {client} is missing")
        if isinstance(outcome, Applied) and live:
            for listener in self.on_frame:
                listener(client, outcome)
            async with self._moved:
                self._moved.notify_all()

    async def _owes(self, subscription: Any, received: int) -> bool:
        """After a silence: is it still the stream that we read? Whether the consumer has, or sent, more than we got."""
        info = await self._bus.js.stream_info(subjects.FRAMES)
        if info.created != self._born:
            raise StreamLost("the stream was made anew")
        if info.state.last_seq < self._seen:
            raise StreamLost("the stream went back")
        consumer = await subscription.consumer_info()
        return bool(consumer.num_pending) or consumer.delivered.consumer_seq > received
