"""One client while its lease is ours: poll, commit, announce, report. Commands use `rewrite` and `look`.

Only one poll is in flight, and one frame: the table never goes back to what an older answer said.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import datetime
from random import Random
from typing import TypeVar

import msgspec

from sluice_client_poller import pace
from sluice_client_poller.adapters.port import Adapter, Glancer, Poll
from sluice_client_poller.holds import HoldPolicy, Holds, judge
from sluice_client_poller.metrics import HELD_REMOVALS, POLL_SECONDS, POLLS
from sluice_client_poller.picture import Picture
from sluice_client_poller.report import Reporter
from sluice_client_poller.stalls import Stalls
from sluice_client_poller.table import ClientTable
from sluice_client_poller.watch import Watch
from sluice_common.contracts.commands import Position
from sluice_common.contracts.frames import Change
from sluice_common.kit import log as logging
from sluice_common.kit.clock import Clock
from sluice_common.kit.errors import BusUnavailable, ClientAuthFailed, ClientError, ClientProtocolError, Fenced
from sluice_common.kit.settings import ClientSettings, PollSettings
from sluice_common.kit.tasks import checkpoint
from sluice_common.kit.turns import turn_for
from sluice_common.model.download import Download

log = logging.get(__name__)

T = TypeVar("T")

BUS_RETRY = 0.5
EFFECT_WITHIN = 5.0
EFFECT_PAUSE = 0.1


class Session:
    """The polling loop of one client and what commands need of it. `is_resting` is between two polls."""

    def __init__(
        self,
        name: str,
        adapter: Adapter,
        table: ClientTable,
        reporter: Reporter,
        watch: Watch,
        *,
        client: ClientSettings,
        settings: PollSettings,
        clock: Clock,
        random: Random,
    ) -> None:
        self.name = name
        self.kind = client.type
        self.adapter = adapter
        self._glancer = adapter if isinstance(adapter, Glancer) else None
        self._table = table
        self._reporter = reporter
        self._watch = watch
        self._client = client
        self._settings = settings
        self._clock = clock
        self._random = random
        self._policy = HoldPolicy(settings.hold, settings.hold_after_reconnect)
        self._holds = Holds()
        self._last_picture = Picture(stalls=Stalls(settings.stalled_after))
        self._generation = table.generation
        self._heard = False
        self._restarted = False
        self._lock = asyncio.Lock()
        self._wake = asyncio.Event()
        self._polled = asyncio.Condition()
        self._started = 0
        self._finished = 0
        self._failure: ClientError | BusUnavailable | Fenced | None = None
        self._failures = 0
        self._watched_turns = 0
        self._glances = pace.Glances()
        self.is_resting = False
        # The zero lets the first list, which is always a whole one, cost no wait for the deltas after it.
        self._costs = deque([0.0], maxlen=pace.COSTS)

    async def run(self) -> None:
        """Poll until cancelled."""
        while True:
            checkpoint()
            self._started += 1
            turn = self._started
            self._wake.clear()
            self._watched_turns = self._watch.turns  # who begins to look from here on does not wait for the next poll
            wait = await self._turn()
            async with self._polled:
                self._finished = turn
                self._polled.notify_all()
            await self._rest(wait)

    async def _rest(self, seconds: float) -> None:
        """Until the next poll; where that is far off, what is looked at or moves is looked at meanwhile."""
        due = self._clock.monotonic() + seconds
        while (left := due - self._clock.monotonic()) > 0:
            checkpoint()  # the time until the next poll may be long
            soon = max(self._settings.fast, self._glances.not_before - self._clock.monotonic())
            names = self._worth_a_glance() if left > soon else ()
            if not names or self._glancer is None:
                await self._pause(left)
                return
            if await self._pause(soon):
                return
            self._glances = await self._glance(self._glancer, names)
            if self._failure is not None or self._glances.failures == 1:
                return  # a client that has just gone away is to be told as soon as one that is polled

    def _worth_a_glance(self) -> tuple[str, ...]:
        """What the client calls the rows that somebody sees, or that move; none while it is not known how it is."""
        picture = self._picture
        # What is about to leave waits for a whole poll, which alone can tell that it left.
        unsure = self._failure is not None or self._restarted or picture.known.leaving
        if unsure or self._client.interval is not None:
            return ()
        wanted = (*sorted(self._watch.rows(self.name)), *sorted(picture.known.moving))
        known = [download_id for download_id in dict.fromkeys(wanted) if download_id in picture.known]
        return tuple(map(picture.client_name_of, known[: pace.MOST_GLANCED]))

    async def _glance(self, glancer: Glancer, names: Sequence[str]) -> pace.Glances:
        """Commit what a few rows are now; how glances went since. Nothing is concluded from a row that is missing."""
        try:
            rows = await self._read(glancer.glance(names))
            self._picture.hear(Poll(rows=rows, whole=False))
            async with self._lock:
                await self._table.open()
                picture, now = self._picture, self._clock.now()
                plan = picture.plan(now, restarted=False)
                picture.committed(await self._table.commit(plan.upserts, (), now), plan)
                await self._table.announce()
        except ClientError as error:
            failed = self._glances.failed(error, self._clock.monotonic(), self._random.random())
            log.warning("glance_failed", client=self.name, error=str(error), failures=failed.failures)
            return failed
        except (BusUnavailable, Fenced) as error:
            self._failure = error
            log.debug("glance_uncommitted", client=self.name, error=str(error))
            return self._glances
        return pace.Glances()

    async def _pause(self, seconds: float) -> bool:
        """Until the time is over, or until a command wants to see its effect or somebody begins to look: then True."""
        sleeping = asyncio.ensure_future(self._clock.sleep(seconds))
        waiting = {sleeping, *map(asyncio.ensure_future, (self._wake.wait(), self._watch.begins(self._watched_turns)))}
        self.is_resting = True
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            return self._wake.is_set() or not sleeping.done()
        finally:
            self.is_resting = False
            for task in waiting:
                task.cancel()

    async def _turn(self) -> float:
        """One poll and what follows from it; the seconds to wait until the next."""
        try:
            return await self._poll()
        except ClientError as error:
            return await self._client_failed(error)
        except (BusUnavailable, Fenced) as error:
            self._failure = error
            self._last_picture.stalls.interrupt()  # what the client says meanwhile is looked at by nobody
            log.warning("bus_trouble", client=self.name, error=str(error))
            return BUS_RETRY

    async def _poll(self) -> float:
        started = self._clock.monotonic()
        poll = await self._ask()
        await turn_for(len(poll.rows))
        self._picture.hear(poll)  # before anything can fail: a delta is told once
        now, cost = self._clock.now(), self._clock.monotonic() - started
        POLLS.labels(self.name, "ok").inc()
        POLL_SECONDS.labels(self.name).observe(cost)
        # Trouble with the bus must not make us forget that the client may have stumbled.
        self._restarted |= poll.restarted or self._failures > 0
        async with self._lock:
            await self._table.open()
            self._picture.watch_for_stalls(self._clock.monotonic(), runs=not poll.throttled)
            await self._take(now, started)
            await self._table.announce()
            await self._table.tidy()
        self._failure, self._failures = None, 0
        self._costs.append(cost)
        wait = self._wait()
        trouble = self._glances.trouble if self._worth_a_glance() else None
        await self._reporter.online(poll, self._picture.count, now, cost, wait, trouble)
        return wait

    def _wait(self) -> float:
        seconds = pace.interval(
            self._settings,
            fixed=self._client.interval,
            cost=min(self._costs),
            moving=bool(self._picture.known.moving),
            watched=self._watch.active(),
        )
        return pace.spread(seconds, self._random.random())

    async def _ask(self) -> Poll:
        poll = await self._read(self.adapter.poll())
        if not poll.whole and not self._heard:
            # Taken for a whole list it would be a client that lost nearly everything.
            raise ClientProtocolError("it told what changed before it told its whole list")
        self._heard = True
        return poll

    async def _read(self, answer: Awaitable[T]) -> T:
        """One client's reply that our own code cannot cope with must not take the other clients down with it."""
        try:
            return await answer
        except (ClientError, asyncio.CancelledError):
            raise
        except Exception as error:
            log.exception("poll_broke", client=self.name)
            raise ClientProtocolError(f"its reply could not be read ({type(error).__name__})") from error

    async def _take(self, now: datetime, asked: float) -> None:
        """Commit what the client changed. What is remembered of it counts only once it is committed."""
        picture = self._picture
        await turn_for(picture.unsettled)
        plan = picture.plan(now, restarted=self._restarted)
        if self._table.baseline is None:
            holds = Holds(count=picture.seen)
            await self._table.commit_keyframe({row.id: row for row in plan.upserts}, now)
            changes = tuple(Change(None, row) for row in plan.upserts)
        else:
            holds, removed = self._judge(picture, asked)
            changes = await self._table.commit(plan.upserts, removed, now)
        await turn_for(len(changes))
        picture.committed(changes, plan)
        self._holds, self._restarted = holds, False
        HELD_REMOVALS.labels(self.name).set(len(holds.missing))

    def _judge(self, picture: Picture, asked: float) -> tuple[Holds, tuple[str, ...]]:
        return judge(
            self._holds,
            self._policy,
            known=len(picture.known),
            seen=picture.seen,
            vanished=picture.vanished,
            waived=picture.waived,
            restarted=self._restarted,
            asked=asked,
            heard=self._clock.monotonic(),
        )

    @property
    def _picture(self) -> Picture:
        """What the client says, matched with the table as it is now: one that was read anew is another baseline."""
        picture, baseline = self._last_picture, self._table.baseline
        if self._generation != self._table.generation:
            self._generation = self._table.generation
            picture.rebase(baseline)
        picture.table = baseline
        return picture

    async def _client_failed(self, error: ClientError) -> float:
        self._failure, self._glances = error, pace.Glances()
        self._failures += 1
        self._last_picture.stalls.interrupt()
        POLLS.labels(self.name, error.reason).inc()
        log.warning("poll_failed", client=self.name, reason=error.reason, error=str(error), failures=self._failures)
        await self._reporter.offline(error, self._clock.now())
        auth = isinstance(error, ClientAuthFailed)
        return pace.retry_wait(self._failures, self._random.random(), auth_failed=auth)

    # What commands use.

    def row(self, download_id: str) -> Download | None:
        """The committed row with this id or alias."""
        return self._picture.row(download_id)

    def quiet_for(self, seconds: float) -> list[Download]:
        """The committed rows of the downloads for which nothing came for that long."""
        found = map(self._picture.row, self._picture.stalls.quiet_for(seconds))
        return [row for row in found if row is not None]

    def client_name_of(self, row: Download) -> str:
        """What the client itself calls this row now."""
        return self._picture.client_name_of(row.id)

    @property
    def is_known(self) -> bool:
        """Whether there is a table to act on; not before the first complete poll of a new client."""
        return self._table.baseline is not None

    @property
    def position(self) -> Position | None:
        """Where the committed table is."""
        return self._table.position

    async def ask(self, row: Download) -> Download | None:
        """The row as the client tells it now, in the table's terms; None when it has none."""
        return await self.settled(await self._read(self.adapter.read(self.client_name_of(row))))

    async def settled(self, polled: Download | None) -> Download | None:
        """A row just read from the client, in the table's terms."""
        return self._picture.settled(polled, self._clock.now()) if polled is not None else None

    async def rewrite(self, download_id: str, change: Callable[[Download], Download]) -> Download | None:
        """Commit a change to one row that is not from a poll (its intent); the new row, None when it is gone."""
        async with self._lock:
            await self._table.open()
            row = self.row(download_id)
            if row is None:
                return None
            changed = change(row)
            changes = await self._table.commit([changed] if changed != row else (), (), self._clock.now())
            self._picture.committed(changes)
            return changed

    async def look(self) -> None:
        """Poll now, and return once a poll that started after this call is committed. Raises what it failed with."""
        wanted = self._started + 1
        self._wake.set()
        async with self._polled:
            await self._polled.wait_for(lambda: self._finished >= wanted)
        if self._failure is not None:
            raise self._failure

    async def see(self, download_id: str, effect: Callable[[Download | None], bool]) -> None:
        """Look until the committed row shows `effect`; clients answer before what they were asked shows in their list.

        Gives up after EFFECT_WITHIN seconds: the command was accepted, whatever the list says.
        """
        await self._see(lambda: effect(self.row(download_id)))

    async def see_all(self, effect: Callable[[Iterable[Download]], bool]) -> None:
        """As `see`, until the committed rows show it together."""
        await self._see(lambda: effect(self._table.baseline.rows.values() if self._table.baseline else ()))

    async def _see(self, shown: Callable[[], bool]) -> None:
        deadline = self._clock.monotonic() + EFFECT_WITHIN
        await self.look()
        while not shown() and self._clock.monotonic() < deadline:
            await self._clock.sleep(EFFECT_PAUSE)
            await self.look()

    def refuse_if_down(self) -> None:
        """A client that is known to be down fails a command at once, with its reason."""
        if isinstance(self._failure, ClientError):
            raise type(self._failure)(str(self._failure))


def with_intent(row: Download, **changes: object) -> Download:
    """The row with its intent changed."""
    assert row.intent is not None
    return msgspec.structs.replace(row, intent=msgspec.structs.replace(row.intent, **changes))
