"""One client, polled by two sessions at once: one is told what changed, the other looks at everything, each time.

Run the machine inside `in_memory()`. Both sessions are the poller's own, with its own table, over a stream in memory
that loses, refuses and forgets alike for both. Whatever happens, both have committed the same frames, announced the
same events and hold the same removals.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from random import Random
from typing import Any, TypeVar, cast
from unittest.mock import patch

import msgspec
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from typing_extensions import override

from sluice_client_poller import session as session_module
from sluice_client_poller import table as table_module
from sluice_client_poller.adapters.port import Adapter, Poll
from sluice_client_poller.pace import moves
from sluice_client_poller.report import Reporter
from sluice_client_poller.session import Session, with_intent
from sluice_client_poller.table import ClientTable
from sluice_client_poller.watch import Watch
from sluice_common.bus.connect import Bus
from sluice_common.contracts.events import Event
from sluice_common.contracts.frames import Frame, adopt
from sluice_common.kit.errors import BusUnavailable, ClientError, ClientUnavailable, Fenced
from sluice_common.kit.settings import ClientSettings, PollSettings
from sluice_common.model.download import Download, Intent
from sluice_common.model.enums import IntentKind, State
from support.reference_poll import PlainSession
from support.replicated_table import START, Refused, Subject

T = TypeVar("T")

NAMES = "abcdef"
# Stalls have tests of their own; here nothing may depend on the hour.
SETTINGS = PollSettings(hold=10, hold_after_reconnect=60, stalled_after=1e9)
CLIENT = ClientSettings(type="deluge", url="http://127.0.0.1:1")

ROWS = st.builds(
    Download,
    client=st.just("c"),
    id=st.sampled_from(NAMES),
    aliases=st.lists(st.sampled_from(NAMES), max_size=2, unique=True).map(tuple),
    epoch=st.sampled_from(["", "c1", "c2"]),
    state=st.sampled_from([State.DOWNLOADING, State.SEEDING]),
    done=st.sampled_from([None, 1, 2]),
    seeding_time=st.sampled_from([None, 0, 30, 59, 61, 100, 5000, 5200, 5400]),
)
CHANGES = st.lists(st.one_of(ROWS, ROWS, st.sampled_from(NAMES)), max_size=3)
WAITS = st.sampled_from([0.0, 1.0, 6.0, 11.0, 61.0])
TROUBLES = st.sampled_from([*[""] * 6, "lost", "ack_lost", "unproven", "unread", "untold"])


class Time:
    """A clock that somebody else moves."""

    def __init__(self) -> None:
        self.passed = 100.0

    def now(self) -> datetime:
        return START + timedelta(seconds=self.passed)

    def monotonic(self) -> float:
        return self.passed

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0)


class Stream:
    """What one session publishes to. `trouble` befalls the next call that it can befall."""

    def __init__(self) -> None:
        self.subject = Subject()
        self.events: list[Event] = []
        self.trouble = ""

    def befalls(self, trouble: str) -> bool:
        if self.trouble != trouble:
            return False
        self.trouble = ""
        return True

    async def prove(self) -> None:
        if self.befalls("unproven"):
            raise BusUnavailable("no answer")

    async def publish_part(self, client: str, frame: Frame, fence: int) -> int:
        if self.befalls("lost"):
            raise BusUnavailable("not stored")
        try:
            sequence, _ = self.subject.publish(frame, fence)
        except Refused as error:
            raise Fenced("another one wrote") from error
        if self.befalls("ack_lost"):
            raise BusUnavailable("stored, but who knows")
        return sequence

    async def read_subject(self, client: str) -> list[tuple[int, Frame | None]]:
        if self.befalls("unread"):
            raise BusUnavailable("no answer")
        return self.subject.read()

    async def purge_before(self, client: str, sequence: int) -> None:
        self.subject.purge_before(sequence)

    async def frames_state(self) -> tuple[datetime | None, float]:
        return START + timedelta(seconds=self.subject.births), 0.0

    async def publish_event(self, event: Event) -> None:
        if self.befalls("untold"):
            raise BusUnavailable("no answer")
        self.events.append(event)


@contextmanager
def in_memory() -> Iterator[None]:
    """The poller's table moves its frames to and from a `Stream` that stands where its bus does."""
    names = ("publish_part", "read_subject", "purge_before", "frames_state", "publish_event")
    doubles = {name: _forward(name) for name in names}
    with patch.multiple(table_module, log=Mute(), **doubles), patch.object(session_module, "log", Mute()):
        yield


class Mute:
    """A log that says nothing: a hundred thousand polls would."""

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *_, **__: None


def _forward(name: str) -> Any:
    async def call(stream: Stream, *arguments: object) -> object:
        return await getattr(stream, name)(*arguments)

    return call


class Client:
    """The client both sessions poll. `rows` are as they are now, `listed` as they were at its last good answer."""

    def __init__(self) -> None:
        self.rows: dict[str, Download] = {}
        self.listed: dict[str, Download] = {}

    def list_now(self) -> None:
        """What was listed keeps its place, what is new comes last."""
        names = [*(name for name in self.listed if name in self.rows), *self.rows]
        self.listed = {name: self.rows[name] for name in dict.fromkeys(names)}


class Teller:
    """One session's adapter: tells whole lists, or what changed since it last told something."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._told: dict[str, Download] | None = None
        self.whole = True
        self.restarted = False
        self.down = False
        self.besides: frozenset[str] = frozenset()

    async def poll(self) -> Poll:
        if self.down:
            raise ClientUnavailable("down")
        told, self._told = self._told, self._client.listed
        rows = self._told
        if self.whole or told is None:
            return Poll(rows=tuple(rows.values()), restarted=self.restarted)
        changed = [row for name, row in rows.items() if told.get(name) != row or name in self.besides]
        gone = tuple(told.keys() - rows.keys())
        return Poll(rows=tuple(changed), whole=False, removed=gone, restarted=self.restarted)


class Quiet:
    """Stands where the reports of the client's status go."""

    async def online(
        self, poll: Poll, downloads: int, now: datetime, cost: float, wait: float, trouble: ClientError | None = None
    ) -> None:
        self.downloads = downloads

    async def offline(self, error: Exception, now: datetime) -> None:
        pass


class Side:
    """A session, its adapter and its stream."""

    def __init__(self, kind: type[Session], client: Client, time: Time) -> None:
        self._kind = kind
        self._client = client
        self._time = time
        self._ids = itertools.count(1)
        self.stream = Stream()
        self.start()

    def start(self) -> None:
        """The poller's process starts (again): nothing is remembered."""
        self.teller = Teller(self._client)
        self.table = ClientTable(
            cast(Bus, self.stream),
            "c",
            prove_lease=self.stream.prove,
            is_proven=lambda: True,
            new_id=lambda: f"id{next(self._ids)}",
            clock=self._time,
        )
        self.session = self._kind(
            "c",
            cast(Adapter, self.teller),
            self.table,
            cast(Reporter, Quiet()),
            Watch(cast(Bus, self.stream), self._time),
            client=CLIENT,
            settings=SETTINGS,
            clock=self._time,
            random=Random(1),
        )
        if isinstance(self.session, PlainSession):
            self.session.listed = lambda: list(self._client.listed.values())

    async def rewrite(self, name: str, intent: Intent) -> None:
        """As commands do: commit an intent, or that the client accepted it."""
        try:
            await self.session.rewrite(name, lambda row: _meant(row, intent))
        except (BusUnavailable, Fenced):
            self.stream.trouble = ""


def _meant(row: Download, intent: Intent) -> Download:
    if row.intent is not None and intent.accepted:
        return with_intent(row, accepted=True)
    return msgspec.structs.replace(row, intent=intent)


class PollMachine(RuleBasedStateMachine):
    """See the module."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.time = Time()
        self.client = Client()
        self.told = Side(Session, self.client, self.time)
        self.plain = Side(PlainSession, self.client, self.time)
        self.foreigners = itertools.count(1)

    @property
    def sides(self) -> tuple[Side, Side]:
        return self.told, self.plain

    @initialize(rows=st.lists(ROWS, max_size=5))
    def starts(self, rows: list[Download]) -> None:
        self.client_changes(list(rows))
        self.poll(0.0, False, False, "", frozenset())
        self.poll(1.0, True, False, "", frozenset())

    # -- what happens -----------------------------------------------------------------------------------------------

    @rule(changes=CHANGES)
    def client_changes(self, changes: Sequence[Download | str]) -> None:
        """Rows come, change, or go."""
        for change in changes:
            if isinstance(change, str):
                self.client.rows.pop(change, None)
            else:
                self.client.rows[change.id] = change

    @rule(name=st.sampled_from(NAMES), seconds=st.sampled_from([1, 20, 45, 300]))
    def seeds_on(self, name: str, seconds: int) -> None:
        """Nothing happens, but for the time that it seeds."""
        row = self.client.rows.get(name)
        if row is not None:
            self.client.rows[name] = msgspec.structs.replace(row, seeding_time=(row.seeding_time or 0) + seconds)

    @rule(
        seconds=WAITS,
        delta=st.sampled_from([True, True, False]),
        restarted=st.sampled_from([False] * 5 + [True]),
        trouble=TROUBLES,
        besides=st.frozensets(st.sampled_from(NAMES), max_size=1),
    )
    def poll(self, seconds: float, delta: bool, restarted: bool, trouble: str, besides: frozenset[str]) -> None:
        """Both poll, at the same time, and meet the same trouble."""
        self.time.passed += seconds
        self.client.list_now()
        for side in self.sides:
            side.teller.whole, side.teller.restarted = not delta or side is self.plain, restarted
            side.teller.besides = besides
            side.stream.trouble = trouble
            self._run(side.session._turn())
            side.stream.trouble = ""

    @rule()
    def client_is_down(self) -> None:
        for side in self.sides:
            side.teller.down = True
            self._run(side.session._turn())
            side.teller.down = False

    @rule(name=st.sampled_from(NAMES), accepted=st.booleans(), deadline=st.sampled_from([0, 5, 30]), trouble=TROUBLES)
    def remove_is_asked(self, name: str, accepted: bool, deadline: int, trouble: str) -> None:
        until = self.time.now() + timedelta(seconds=deadline)
        intent = Intent(IntentKind.CANCEL, "me", "r", until, False, accepted)
        for side in self.sides:
            if side.session.is_known:
                side.stream.trouble = trouble
                self._run(side.rewrite(name, intent))
                side.stream.trouble = ""

    @precondition(lambda self: self.told.stream.subject.last is not None)
    @rule(upserts=st.lists(ROWS, max_size=2, unique_by=lambda row: row.id), gone=st.frozensets(st.sampled_from(NAMES)))
    def another_poller_writes(self, upserts: list[Download], gone: frozenset[str]) -> None:
        """It took over for a while; ours notice when they are refused."""
        name = f"foreign{next(self.foreigners)}"
        for side in self.sides:
            subject = side.stream.subject
            writer = adopt(subject.read(), name)
            assert writer.table is not None
            removed = sorted(gone & writer.table.rows.keys() - {row.id for row in upserts})
            for frame in writer.plan_delta(upserts, removed, self.time.now(), name):
                writer.acked(frame, subject.publish(frame, writer.fence)[0])

    @rule()
    def poller_restarts(self) -> None:
        for side in self.sides:
            side.start()

    @precondition(lambda self: self.told.stream.subject.births < 3)
    @rule()
    def stream_is_lost(self) -> None:
        for side in self.sides:
            side.stream.subject.wipe()

    # -- what must hold ---------------------------------------------------------------------------------------------

    @invariant()
    def the_same_is_committed_announced_and_held(self) -> None:
        told, plain = self.sides
        assert told.stream.subject.read() == plain.stream.subject.read()
        assert told.stream.events == plain.stream.events
        assert told.session._holds == plain.session._holds
        assert told.table.baseline == plain.table.baseline

    @invariant()
    def commands_find_the_same(self) -> None:
        told, plain = self.told.session, self.plain.session
        for name in NAMES:
            row = plain.row(name)
            assert told.row(name) == row
            assert row is None or told.client_name_of(row) == plain.client_name_of(row)
            polled = self.client.rows.get(name)
            assert self._run(told.settled(polled)) == self._run(plain.settled(polled))

    @invariant()
    def the_indexes_say_what_the_rows_say(self) -> None:
        picture = self.told.session._picture
        rows = picture.table.rows if picture.table else {}
        assert len(picture.known) == len(rows)
        assert picture.known.moving == {row.id for row in rows.values() if moves(row)}
        assert picture.known.leaving == {row.id for row in rows.values() if row.intent is not None}

    @override
    def teardown(self) -> None:
        """After enough quiet polls nothing is left to write."""
        try:
            for _ in range(8):
                self.poll(120.0, True, False, "", frozenset())
            written = len(self.told.stream.subject.committed)
            self.poll(1.0, True, False, "", frozenset())
            assert len(self.told.stream.subject.committed) == written
        finally:
            self.loop.close()

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(work)
