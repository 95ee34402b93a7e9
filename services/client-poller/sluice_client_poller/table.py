"""One client's table as its lease holder writes it: read it, commit frames behind the fence, announce, purge.

Whatever goes wrong on the way, the writer is thrown away and the subject is read again: a lost acknowledgement, a
refusal and a take-over share that one path.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime

from sluice_client_poller.derive import derive
from sluice_client_poller.metrics import EVENTS_ANNOUNCED, FRAMES_COMMITTED, FRAMES_FILL
from sluice_common.bus.connect import Bus
from sluice_common.bus.publish import publish_event
from sluice_common.bus.replica import (
    CHECK_EVERY,
    StreamFull,
    delete_frames,
    frames_state,
    publish_part,
    purge_before,
    read_subject,
)
from sluice_common.contracts.commands import Position
from sluice_common.contracts.frames import Applied, Change, Frame, FrameKind, Table, Writer, adopt, orphans
from sluice_common.kit import log as logging
from sluice_common.kit.clock import Clock
from sluice_common.kit.errors import SluiceError
from sluice_common.kit.turns import turn_for
from sluice_common.model.download import Download

log = logging.get(__name__)

# The share of the stream's bytes from which on somebody should look.
ALARM_AT = 0.7


class ClientTable:
    """The writer's side of one client's table. Its calls must not overlap; the session's lock sees to that.

    `prove_lease` raises Fenced unless the lease is ours now, `is_proven` says whether that was done lately enough to
    speak without; `new_id` makes random ids. `generation` counts how often
    the table was read: between two readings the baseline changes by our own commits alone.
    """

    def __init__(
        self,
        bus: Bus,
        client: str,
        *,
        prove_lease: Callable[[], Awaitable[None]],
        is_proven: Callable[[], bool],
        new_id: Callable[[], str],
        clock: Clock,
    ) -> None:
        self._bus = bus
        self._client = client
        self._prove_lease = prove_lease
        self._is_proven = is_proven
        self._new_id = new_id
        self._clock = clock
        self._writer: Writer | None = None
        self._memory: Writer | None = None
        self.generation = 0
        self._born: datetime | None = None
        self._verified = 0.0
        self._full = False

    @property
    def baseline(self) -> Table | None:
        """What the next poll is compared with; None when nothing is known of this client."""
        writer = self._writer or self._memory
        return writer.baseline if writer else None

    @property
    def position(self) -> Position | None:
        """Where the committed table is, None before the first keyframe."""
        table = self._writer.table if self._writer else None
        return Position(table.incarnation, table.sequence) if table else None

    async def open(self) -> None:
        """Read the subject unless that is done, and bring the stream up to what is known.

        A quiet client publishes nothing, so nothing would be refused either: look whether its stream is still there.
        """
        await self._verify()
        if self._writer is None:
            await self._prove_lease()
            messages = await read_subject(self._bus, self._client)
            if self._full:
                await delete_frames(self._bus, orphans(messages))
                self._full = False
            self._born, _ = await frames_state(self._bus)
            self._writer = adopt(messages, self._new_id(), memory=self._memory)
            self._memory = None
            self.generation += 1
            if messages and messages[0][0] < self._writer.purge_bound:
                await purge_before(self._bus, self._client, self._writer.purge_bound)
            log.info("table_opened", client=self._client, messages=len(messages), known=self.baseline is not None)
        await self.announce()
        writer = self._writer
        if writer.table is None and writer.baseline is not None:
            baseline = writer.baseline
            await self._commit(writer.plan_keyframe(baseline.rows, baseline.polled_at, self._new_id()))

    async def _verify(self) -> None:
        if self._writer is None or self._clock.monotonic() - self._verified < CHECK_EVERY:
            return
        born, fill = await frames_state(self._bus)
        FRAMES_FILL.set(fill)
        if fill > ALARM_AT:
            log.error("frames_nearly_full", share=round(fill, 2))
        if born != self._born:
            log.warning("stream_lost", client=self._client)
            self._writer, self._memory = None, self._writer
        self._verified = self._clock.monotonic()

    async def commit(
        self, upserts: Sequence[Download], removed: Sequence[str], polled_at: datetime
    ) -> tuple[Change, ...]:
        """Make a change real; the rows' steps. Nothing to change commits nothing."""
        assert self._writer is not None, "open the table first"
        if not upserts and not removed:
            return ()
        await turn_for(len(upserts))
        return await self._commit(self._writer.plan_delta(upserts, removed, polled_at, self._new_id()))

    async def commit_keyframe(self, rows: Mapping[str, Download], polled_at: datetime) -> None:
        """Publish the whole table, then purge what came before it."""
        assert self._writer is not None, "open the table first"
        await turn_for(len(rows))
        await self._commit(self._writer.plan_keyframe(rows, polled_at, self._new_id()))

    async def announce(self) -> None:
        """Publish the events of every committed frame that has not been announced."""
        writer = self._writer
        assert writer is not None, "open the table first"
        for applied in list(writer.unannounced):
            for event in derive(applied):
                await self._be_sure()
                await publish_event(self._bus, event)
                EVENTS_ANNOUNCED.labels(event.type).inc()
            writer.mark_announced(applied.number)

    async def tidy(self) -> None:
        """A keyframe once the deltas outweigh it; only while everything is announced."""
        writer = self._writer
        if writer and writer.table and writer.wants_keyframe() and not writer.unannounced:
            await self.commit_keyframe(writer.table.rows, writer.table.polled_at)

    async def _be_sure(self) -> None:
        """The fence refuses whoever slept only once the new holder has written something; they must not be first."""
        if not self._is_proven():
            await self._prove_lease()

    async def _commit(self, frames: Sequence[Frame]) -> tuple[Change, ...]:
        writer = self._writer
        assert writer is not None
        applied: Applied | None = None
        if writer.fence == 0:
            # On an empty subject the fence refuses nobody: a holder that slept must not be the first to write again.
            await self._prove_lease()
        try:
            for frame in frames:
                await turn_for(len(frame.upserts))
                await self._be_sure()
                sequence = await publish_part(self._bus, self._client, frame, writer.fence)
                applied = writer.acked(frame, sequence)
        except BaseException as error:
            # Unknown outcome, also when cancelled in the middle: this writer is spent, its memory is not.
            self._writer, self._memory = None, writer
            self._full = isinstance(error, StreamFull)
            if isinstance(error, SluiceError):
                log.warning("commit_unknown", client=self._client, error=str(error))
            raise
        FRAMES_COMMITTED.labels(frames[0].kind.value).inc()
        if frames[0].kind is FrameKind.KEY:
            await purge_before(self._bus, self._client, writer.purge_bound)
        return applied.changes if applied else ()
