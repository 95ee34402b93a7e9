"""One client while its lease is ours: poll, commit, announce, report. Commands use `rewrite` and `look`.

Only one poll is in flight, and one frame: the table never goes back to what an older answer said.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from random import Random

import msgspec

from sluice_client_poller import pace
from sluice_client_poller.adapters.port import Adapter, Poll
from sluice_client_poller.holds import HoldPolicy, Holds, judge
from sluice_client_poller.metrics import HELD_REMOVALS, POLL_SECONDS, POLLS
from sluice_client_poller.report import Reporter
from sluice_client_poller.settle import NOTHING_SETTLED, Settled, settle
from sluice_client_poller.table import ClientTable
from sluice_client_poller.watch import Watch
from sluice_common.contracts.commands import Position
from sluice_common.kit import log as logging
from sluice_common.kit.clock import Clock
from sluice_common.kit.errors import BusUnavailable, ClientAuthFailed, ClientError, ClientProtocolError, Fenced
from sluice_common.kit.settings import ClientSettings, PollSettings
from sluice_common.kit.tasks import checkpoint
from sluice_common.model.download import Download

log = logging.get(__name__)

BUS_RETRY = 0.5
EFFECT_WITHIN = 5.0
EFFECT_PAUSE = 0.1


class Session:
    """The polling loop of one client and what commands need of it."""

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
        self.adapter = adapter
        self._table = table
        self._reporter = reporter
        self._watch = watch
        self._client = client
        self._settings = settings
        self._clock = clock
        self._random = random
        self._policy = HoldPolicy(settings.hold, settings.hold_after_reconnect)
        self._holds = Holds()
        self._last = NOTHING_SETTLED
        self._restarted = False
        self._lock = asyncio.Lock()
        self._wake = asyncio.Event()
        self._polled = asyncio.Condition()
        self._started = 0
        self._finished = 0
        self._failure: ClientError | BusUnavailable | Fenced | None = None
        self._failures = 0

    async def run(self) -> None:
        """Poll until cancelled."""
        while True:
            checkpoint()
            self._started += 1
            turn = self._started
            self._wake.clear()
            wait = await self._turn()
            async with self._polled:
                self._finished = turn
                self._polled.notify_all()
            await self._pause(wait)

    async def _pause(self, seconds: float) -> None:
        sleeping = asyncio.ensure_future(self._clock.sleep(seconds))
        waking = asyncio.ensure_future(self._wake.wait())
        try:
            await asyncio.wait({sleeping, waking}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleeping.cancel()
            waking.cancel()

    async def _turn(self) -> float:
        """One poll and what follows from it; the seconds to wait until the next."""
        try:
            return await self._poll()
        except ClientError as error:
            return await self._client_failed(error)
        except (BusUnavailable, Fenced) as error:
            self._failure = error
            log.warning("bus_trouble", client=self.name, error=str(error))
            return BUS_RETRY

    async def _poll(self) -> float:
        started = self._clock.monotonic()
        poll = await self._ask()
        now, cost = self._clock.now(), self._clock.monotonic() - started
        POLLS.labels(self.name, "ok").inc()
        POLL_SECONDS.labels(self.name).observe(cost)
        # Trouble with the bus must not make us forget that the client may have stumbled.
        self._restarted |= poll.restarted or self._failures > 0
        async with self._lock:
            await self._table.open()
            await self._take(poll, now)
            await self._table.announce()
            await self._table.tidy()
        self._failure, self._failures = None, 0
        await self._reporter.online(poll, now, cost)
        return pace.interval(
            self._rows().values(), self._settings, fixed=self._client.interval, cost=cost, watched=self._watch.active()
        )

    async def _ask(self) -> Poll:
        """One client's reply that our own code cannot cope with must not take the other clients down with it."""
        try:
            return await self.adapter.poll()
        except (ClientError, asyncio.CancelledError):
            raise
        except Exception as error:
            log.exception("poll_broke", client=self.name)
            raise ClientProtocolError(f"its reply could not be read ({type(error).__name__})") from error

    async def _take(self, poll: Poll, now: datetime) -> None:
        """Commit what the poll changed. What is remembered of it counts only once it is committed."""
        baseline = self._table.baseline
        settled = settle(baseline, poll.rows, now, last=self._last, restarted=self._restarted)
        if baseline is None:
            holds = Holds(count=len(settled.rows))
            await self._table.commit_keyframe(settled.rows, now)
        else:
            holds, removed = self._judge(baseline.rows, settled)
            upserts = [row for row in settled.rows.values() if baseline.rows.get(row.id) != row]
            await self._table.commit(upserts, removed, now)
        self._last, self._holds, self._restarted = settled, holds, False
        HELD_REMOVALS.labels(self.name).set(len(holds.missing))

    def _judge(self, known: dict[str, Download], settled: Settled) -> tuple[Holds, tuple[str, ...]]:
        return judge(
            self._holds,
            self._policy,
            known=known.keys(),
            seen=settled.rows.keys(),
            waived=[row.id for row in known.values() if row.intent is not None and row.intent.accepted],
            restarted=self._restarted,
            now=self._clock.monotonic(),
        )

    async def _client_failed(self, error: ClientError) -> float:
        self._failure = error
        self._failures += 1
        POLLS.labels(self.name, error.reason).inc()
        log.warning("poll_failed", client=self.name, reason=error.reason, error=str(error), failures=self._failures)
        await self._reporter.offline(error, self._clock.now())
        auth = isinstance(error, ClientAuthFailed)
        return pace.retry_wait(self._failures, self._random.random(), auth_failed=auth)

    # What commands use.

    def row(self, download_id: str) -> Download | None:
        """The committed row with this id or alias."""
        rows = self._rows()
        found = rows.get(download_id)
        return found or next((row for row in rows.values() if download_id in row.aliases), None)

    def client_name_of(self, row: Download) -> str:
        """What the client itself calls this row now."""
        return self._last.names.get(row.id, row.id)

    @property
    def is_known(self) -> bool:
        """Whether there is a table to act on; not before the first complete poll of a new client."""
        return self._table.baseline is not None

    @property
    def position(self) -> Position | None:
        """Where the committed table is."""
        return self._table.position

    async def settled(self, polled: Download | None) -> Download | None:
        """A row just read from the client, in the table's terms."""
        if polled is None:
            return None
        settled = settle(self._table.baseline, [polled], self._clock.now(), last=self._last)
        return next(iter(settled.rows.values()))

    async def rewrite(self, download_id: str, change: Callable[[Download], Download]) -> Download | None:
        """Commit a change to one row that is not from a poll (its intent); the new row, None when it is gone."""
        async with self._lock:
            await self._table.open()
            row = self.row(download_id)
            if row is None:
                return None
            changed = change(row)
            await self._table.commit([changed] if changed != row else (), (), self._clock.now())
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
        deadline = self._clock.monotonic() + EFFECT_WITHIN
        await self.look()
        while not effect(self.row(download_id)) and self._clock.monotonic() < deadline:
            await self._clock.sleep(EFFECT_PAUSE)
            await self.look()

    def refuse_if_down(self) -> None:
        """A client that is known to be down fails a command at once, with its reason."""
        if isinstance(self._failure, ClientError):
            raise type(self._failure)(str(self._failure))

    def _rows(self) -> dict[str, Download]:
        baseline = self._table.baseline
        return baseline.rows if baseline else {}


def with_intent(row: Download, **changes: object) -> Download:
    """The row with its intent changed."""
    assert row.intent is not None
    return msgspec.structs.replace(row, intent=msgspec.structs.replace(row.intent, **changes))
