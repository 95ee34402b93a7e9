"""Transmission's adapter over recorded replies of 3.00 and 4.1: states, log-ins, deltas, restarts, refusals."""

from __future__ import annotations

import base64
import json
import math
import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest
from typing_extensions import override

from contract.adapter_suite import SAMPLES, WRONG_PASSWORD, Meaning, RecordedSuite
from sluice_client_poller.adapters.port import NewDownload
from sluice_client_poller.adapters.transmission import wire
from sluice_client_poller.adapters.transmission.client import AUTH_PAUSE, TransmissionAdapter
from sluice_client_poller.adapters.transmission.mapping import to_download, to_files
from sluice_client_poller.adapters.transmission.mirror import MAX_GAP, RECONCILE_MOST
from sluice_common.kit.clock import Clock
from sluice_common.kit.errors import ClientAuthFailed, ClientProtocolError, ClientUnavailable, Problem
from sluice_common.kit.settings import ClientSettings
from sluice_common.model.download import Download
from sluice_common.model.enums import Health, Reason, State
from support.hurried import Hurried
from support.replay import Answer, Replay

OLD, NEW = "transmission-3.00", "transmission-4.1.0-beta.2"
PASSWORD = "the-right-one"
MULTI = "7202b0b5e451bfb8bd36e75ee472fe36018698ff"
SINGLE = "e4de1694552359c8fd099b3657c3316be1c579cf"
OTHER = "ab" * 20

NOT_RECORDED = {
    "trackers": [],
    "downloadedEver": 1,
    "downloadLimit": 0,
    "downloadLimited": False,
    "seedRatioLimit": 2.0,
    "seedRatioMode": 0,
    "sequentialDownload": 0,
    "uploadLimit": 0,
    "uploadLimited": False,
    "wanted": [1, 1, 1],
}
CHECK = Meaning(State.CHECKING, False, Health.OK, None)
DOWN = Meaning(State.DOWNLOADING, False, Health.OK, None)
META = Meaning(State.FETCHING_METADATA, False, Health.OK, None)
PAUSED = Meaning(State.PAUSED, False, Health.OK, None)
PAUSED_DONE = Meaning(State.PAUSED, True, Health.OK, None)
SEED = Meaning(State.SEEDING, True, Health.OK, None)
TRACKER = Meaning(State.DOWNLOADING, False, Health.WARNING, Reason.TRACKER_ERROR)
LOST = Meaning(State.PAUSED, False, Health.ERROR, Reason.MISSING_FILES)
BOTH = {
    "CHECK__multi_verify_done": CHECK,
    "DOWNLOAD__badtracker": DOWN,
    "DOWNLOAD__badtracker_err2": TRACKER,
    "DOWNLOAD__dead": DOWN,
    "DOWNLOAD__deadmagnet_nometa": META,
    "DOWNLOAD__magnet": DOWN,
    "DOWNLOAD__magnet_done": DOWN,
    "DOWNLOAD__magnet_nometa": META,
    "DOWNLOAD__multi": DOWN,
    "DOWNLOAD__multi_done": DOWN,
    "DOWNLOAD__single": DOWN,
    "DOWNLOAD__single_done": DOWN,
    "SEED__magnet_done": SEED,
    "SEED__multi_done": SEED,
    "SEED__multi_moved_done": SEED,
    "SEED__multi_restart_done": SEED,
    "SEED__multi_stopped_done": SEED,
    "SEED__renamed_done": SEED,
    "SEED__single_done": SEED,
    "SEED__unlinked_live_done": SEED,
    "STOPPED__multi": PAUSED,
    "STOPPED__multi_stopped_done": PAUSED_DONE,
    "STOPPED__multi_verify_done": PAUSED_DONE,
    "STOPPED__unlinked_restart_err3_done": LOST,
}
STATES = {
    OLD: BOTH
    | {
        "CHECK__badtracker": CHECK,
        "CHECK__dead": CHECK,
        "CHECK__magnet": CHECK,
        "CHECK__multi": CHECK,
        "CHECK__single": CHECK,
        "STOPPED__deadmagnet_nometa": PAUSED,
        "STOPPED__unlinked_verify_err3_done": LOST,
    },
    NEW: BOTH | {"STOPPED__unlinked_verify_err3": LOST},
}


def sample(folder: str, name: str) -> bytes:
    """A recorded reply's bytes."""
    return (SAMPLES / folder / name).read_bytes()


def arguments(folder: str, name: str) -> Any:
    """A recorded reply's arguments."""
    return json.loads(sample(folder, name))["arguments"]


def recorded_answer(folder: str, name: str) -> Answer:
    """A recorded HTTP answer of a `.txt`."""
    head, _, body = sample(folder, name).decode().partition("\n\n")
    status, *lines = head.splitlines()
    headers = [tuple(line.split(": ", 1)) for line in lines]
    kept = tuple((key, value) for key, value in headers if key not in ("Content-Length", "Content-Type", "Date"))
    return Answer(status=int(status.split()[1]), body=body.encode(), headers=kept, content_type="text/html")


def row_of(folder: str, name: str) -> wire.Row:
    """The only row of a recorded torrent-get."""
    raw = wire.parse_reply("torrent-get", 200, {}, sample(folder, name))
    (line,) = wire.parse("torrent-get", raw, wire.Torrents).torrents
    return wire.parse_row(None, line)


def download(folder: str, name: str) -> Download:
    """A recorded row as a Download, as it was seen a few seconds after it had been added."""
    row = row_of(folder, name)
    return to_download("transmission", row, row.added_date + 5, {"tv"})


class Recorded:
    """Transmission as recorded, with a life of its own: one password, a session id, rows, and what changed lately.

    `rows` by number; `recent` and `removed` are numbers; `age` in seconds; so many looks are `hidden` from before it
    has loaded its rows, and to so many stops it is `deaf`. What is set is set unless it is not `is_obedient`.
    """

    def __init__(self, folder: str = OLD) -> None:
        self.folder = folder
        self.session = json.loads(sample(folder, "session_get.json"))
        self.rows = {row["id"]: row for row in arguments(folder, "torrent_get_all.json")["torrents"]}
        self.recent: set[int] = set()
        self.removed: list[int] = []
        self.session_id = "one"
        self.age = 5000
        self.hidden = 0
        self.deaf = 0
        self.is_obedient = True

    def start_again(self) -> None:
        """As after a restart: another session id, other numbers, a new age, nothing remembered of what was removed."""
        self.session_id = secrets.token_hex(4)
        self.rows = {100 + number: row | {"id": 100 + number} for number, row in self.rows.items()}
        self.recent, self.removed, self.age = set(), [], 0

    def remove(self, number: int) -> None:
        """Take a torrent out."""
        del self.rows[number]
        self.recent.discard(number)
        self.removed.append(number)

    def __call__(self, call: dict[str, Any]) -> Answer:
        """The answer to one request: password first, then session id, as Transmission checks them."""
        headers = call["headers"]
        wanted = "Basic " + base64.b64encode(f"sluice:{PASSWORD}".encode()).decode()
        if headers.get("authorization") != wanted:
            return recorded_answer(self.folder, "bad_auth_401.txt")
        if headers.get("x-transmission-session-id") != self.session_id:
            answer = recorded_answer(self.folder, "no_session_409.txt")
            return Answer(
                status=409,
                body=answer.body,
                content_type="text/html",
                headers=((wire.SESSION_HEADER, self.session_id),),
            )
        return self._answer(call["method"], call["arguments"])

    def _answer(self, method: str, asked: dict[str, Any]) -> Answer:
        match method:
            case "session-get":
                return Answer(body=json.dumps(self.session).encode())
            case "session-stats":
                return self._stats()
            case "free-space":
                return Answer(body=sample(self.folder, "free_space.json"))
            case "torrent-get":
                return success(self._listed(asked))
            case "torrent-add":
                return self._add(asked)
            case "torrent-stop":
                return self._stop(asked)
            case "torrent-set":
                return self._set(asked)
            case "torrent-start" | "torrent-verify" | "torrent-remove":
                return success({})
            case _:
                return Answer(body=sample(self.folder, "bogus_method.json"))

    def _set(self, asked: dict[str, Any]) -> Answer:
        if not self.is_obedient:
            return success({})
        for number, row in self.rows.items():
            if row["hashString"] in asked["ids"]:
                self.rows[number] = row | {name: value for name, value in asked.items() if name != "ids"}
        return success({})

    def _stop(self, asked: dict[str, Any]) -> Answer:
        self.deaf -= 1
        for number, row in self.rows.items():
            if row["hashString"] in asked.get("ids", [row["hashString"]]) and self.deaf < 0:
                self.rows[number] = row | {"status": 0}
        return success({})

    def _stats(self) -> Answer:
        loaded = self.hidden == 0
        self.hidden = max(0, self.hidden - 1)
        stats = arguments(self.folder, "session_stats.json")
        stats["torrentCount"] = len(self.rows) if loaded else 0
        stats["current-stats"]["secondsActive"] = self.age
        return success(stats)

    def _listed(self, asked: dict[str, Any]) -> dict[str, Any]:
        ids = asked.get("ids")
        rows = [] if self.hidden else list(self.rows.values())
        reply: dict[str, Any] = {}
        if ids == wire.RECENT:
            rows = [row for row in rows if row["id"] in self.recent]
            reply["removed"] = self.removed
        elif ids is not None:
            rows = [row for row in rows if row["hashString"] in ids]
        cells = [{field: (NOT_RECORDED | row)[field] for field in asked["fields"]} for row in rows]
        table = asked.get("format") == "table"
        reply["torrents"] = [list(asked["fields"]), *(list(row.values()) for row in cells)] if table else cells
        return reply

    def _add(self, asked: dict[str, Any]) -> Answer:
        garbage = "metainfo" in asked or "btih" not in asked["filename"]
        if garbage:
            return Answer(body=sample(self.folder, "add_garbage.json"))
        row = next(iter(self.rows.values())) | {"id": 50, "hashString": OTHER, "labels": asked.get("labels", [])}
        self.rows[50] = row
        self.recent.add(50)
        return success({"torrent-added": {"hashString": OTHER, "id": 50, "name": "x"}})


def success(value: object) -> Answer:
    """A reply with these arguments."""
    return Answer(body=json.dumps({"result": "success", "arguments": value}).encode())


def adapter_of(url: str, password: str | None = PASSWORD, clock: Clock | None = None) -> TransmissionAdapter:
    """The adapter as the registry makes it, in a hurry."""
    values = {
        "type": "transmission",
        "url": url,
        "username": "sluice",
        "password": password,
        "owners": {"tv": "sluice"},
    }
    return TransmissionAdapter("transmission", ClientSettings.model_validate(values), clock or Hurried())


@pytest.fixture(params=[OLD, NEW])
def recorded(request: pytest.FixtureRequest) -> Recorded:
    """A recorded daemon that has been running for a while, of each version."""
    return Recorded(request.param)


@pytest.fixture
def replay(recorded: Recorded) -> Iterator[Replay]:
    """The recorded daemon behind HTTP."""
    with Replay(recorded) as running:
        yield running


@pytest.fixture
def clock() -> Hurried:
    """Time that the test moves."""
    return Hurried()


@pytest.fixture
async def adapter(replay: Replay, clock: Hurried) -> AsyncIterator[TransmissionAdapter]:
    """An adapter of the recorded daemon."""
    async with closing(adapter_of(replay.url, clock=clock)) as made:
        yield made


@asynccontextmanager
async def closing(adapter: TransmissionAdapter) -> AsyncIterator[TransmissionAdapter]:
    """Close it at the end, whatever happened."""
    try:
        yield adapter
    finally:
        await adapter.close()


class TestTransmissionRecorded(RecordedSuite):
    """The suite of every adapter, for Transmission."""

    CLIENT = "transmission"
    RECORDED = STATES
    poll_method = "torrent-get"

    @override
    @pytest.fixture
    def healthy(self, replay: Replay) -> Replay:
        """A recorded client that answers everything a poll asks."""
        return replay

    @override
    def make(self, url: str) -> TransmissionAdapter:
        """The adapter of a client at `url` with the right password."""
        return adapter_of(url)

    @override
    def refused(self, url: str) -> TransmissionAdapter:
        """The adapter of a client at `url` with the wrong one."""
        return adapter_of(url, WRONG_PASSWORD)

    @override
    def restart(self, healthy: Replay) -> None:
        """A new process has another session id and another age."""
        assert isinstance(healthy.answer, Recorded)
        healthy.answer.start_again()

    @override
    def recorded_row(self, folder: str, name: str) -> Download:
        """A recorded row as a Download."""
        return download(folder, name)


def test_a_finished_row_in_full() -> None:
    """Every field of a row, with what is unknown as None."""
    row = download(NEW, "state_SEED__multi_moved_done.json")
    assert (row.id, row.epoch, row.name) == (MULTI, "c1795197009", "Show.Name.S01E02.1080p.WEB-DL.x264-GRP")
    assert (row.size, row.total_size, row.done) == (33555632, 33555632, 33555632)
    assert (row.eta, row.seeding_time, row.seeds, row.peers) == (None, 28, None, 0)
    assert row.ratio == pytest.approx(0.0293, abs=1e-4)
    assert (row.category, row.tags, row.private) == ("tv", ("x",), False)
    assert (row.save_path, row.content_path) == (
        "/downloads/moved",
        "/downloads/moved/Show.Name.S01E02.1080p.WEB-DL.x264-GRP",
    )
    assert row.added_at is not None
    assert row.added_at.timestamp() == 1795197009
    assert row.completed_at is not None
    assert row.completed_at.timestamp() == 1795197023


@pytest.mark.parametrize("folder", [OLD, NEW])
def test_a_magnet_without_metadata_knows_nothing(folder: str) -> None:
    """Zeros, -1 and -2 that mean unknown are None, and a magnet's display name is no path."""
    row = download(folder, "state_DOWNLOAD__deadmagnet_nometa.json")
    assert (row.size, row.total_size, row.done, row.ratio, row.private) == (None,) * 5
    assert (row.eta, row.tracker, row.category, row.content_path, row.completed_at) == (None,) * 5


@pytest.mark.parametrize("name", ["state_STOPPED__multi_stopped_done.json", "state_SEED__single_done.json"])
def test_speeds_of_what_is_at_rest_are_zero(name: str) -> None:
    """3.00 keeps telling a stopped torrent's last download rate."""
    assert row_of(OLD, name).rate_download > 0
    assert download(OLD, name).down_speed == 0


@pytest.mark.parametrize("folder", [OLD, NEW])
def test_words_of_errors_are_kept(folder: str) -> None:
    """People see what tracker and daemon said."""
    assert download(folder, "state_DOWNLOAD__badtracker_err2.json").message == "Unregistered torrent"
    lost = download(folder, "state_STOPPED__unlinked_restart_err3_done.json").message
    assert lost is not None
    assert lost.startswith("No data found!")


@pytest.mark.parametrize("folder", [OLD, NEW])
def test_recorded_files(folder: str) -> None:
    """Paths are relative to the save path and sizes exact."""
    raw = wire.parse_reply("torrent-get", 200, {}, sample(folder, "state_SEED__multi_done.json"))
    (line,) = wire.parse("torrent-get", raw, wire.Torrents).torrents
    files = to_files(wire.parse("torrent-get", line, wire.Files))
    assert [(file.index, file.size, file.done, file.wanted) for file in files] == [
        (0, 2097152, 2097152, True),
        (1, 31457280, 31457280, True),
        (2, 1200, 1200, True),
    ]
    assert files[2].path == "Show.Name.S01E02.1080p.WEB-DL.x264-GRP/show.name.s01e02.1080p.web-dl.x264-grp.nfo"


@pytest.mark.parametrize("folder", [OLD, NEW])
def test_a_recorded_table_has_its_rows_in_any_order_of_fields(folder: str) -> None:
    """A table's first line names its columns; ours is in our order, another one is read by those names."""
    raw = wire.parse_reply("torrent-get", 200, {}, sample(folder, "torrent_get_table.json"))
    header, lines = wire.split_rows(wire.parse("torrent-get", raw, wire.Torrents), table=True)
    assert header == ("id", "hashString", "status", "name")
    with pytest.raises(ClientProtocolError, match="torrent-get answered another shape"):
        wire.parse_row(header, lines[0])
    row = arguments(folder, "state_SEED__multi_done.json")["torrents"][0]
    row |= {"downloadedEver": 9, "trackers": [{"announce": "http://t/a", "id": 0, "scrape": "", "tier": 0}]}
    ours = wire.parse_row(wire.ROW_FIELDS, _raw([row[field] for field in wire.ROW_FIELDS]))
    theirs = wire.parse_row(tuple(sorted(row, reverse=True)), _raw([row[field] for field in sorted(row, reverse=True)]))
    known = wire.parse_row(None, _raw(row))
    assert _fields(ours) == _fields(theirs) == _fields(known)


def _raw(value: object) -> Any:
    return msgspec.Raw(msgspec.json.encode(value))


def _fields(row: wire.Row) -> list[object]:
    return [getattr(row, field) for field in row.__struct_fields__]


@pytest.mark.parametrize("folder", [OLD, NEW])
def test_recorded_refusals(folder: str) -> None:
    """Words other than "success" are an error with those words."""
    with pytest.raises(wire.Refused, match=r"corrupt|unrecognized"):
        wire.parse_reply("torrent-add", 200, {}, sample(folder, "add_garbage.json"))
    with pytest.raises(wire.Refused, match="method name"):
        wire.parse_reply("bogus", 200, {}, sample(folder, "bogus_method.json"))
    added = wire.parse("a", wire.parse_reply("a", 200, {}, sample(folder, "add_duplicate.json")), wire.AddReply)
    assert added.torrent_duplicate == wire.Added(MULTI)


async def test_the_first_poll_takes_the_session_id_and_the_whole_list(
    adapter: TransmissionAdapter, replay: Replay, recorded: Recorded
) -> None:
    """409 once, then everything with the id that it gave; totals and version as the daemon tells them."""
    poll = await adapter.poll()
    assert (poll.whole, poll.restarted, len(poll.rows)) == (True, True, len(recorded.rows))
    assert poll.version == {OLD: "3.00", NEW: "4.1.0-beta.2"}[recorded.folder]
    assert (poll.free_space, poll.down_speed, poll.up_speed) == (
        arguments(recorded.folder, "free_space.json")["size-bytes"], 0, 0,
    )  # fmt: skip
    ids = [call["headers"].get("x-transmission-session-id") for call in replay.calls]
    assert ids == [None] + ["one"] * (len(ids) - 1)
    assert {call["path"] for call in replay.calls} == {wire.RPC_PATH}


async def test_a_quiet_list_is_an_empty_delta(adapter: TransmissionAdapter, replay: Replay, recorded: Recorded) -> None:
    """Nothing happened, or the window tells again what is known: nothing is told, and no list was asked."""
    await adapter.poll()
    recorded.recent = set(recorded.rows)
    before = len(replay.calls)
    for _ in range(3):
        poll = await adapter.poll()
        assert (poll.whole, poll.rows, poll.removed, poll.restarted) == (False, (), (), False)
    asked = [call["arguments"] for call in replay.calls[before:] if call["method"] == "torrent-get"]
    assert [(call["ids"], call["format"]) for call in asked] == [(wire.RECENT, "table")] * 3


async def test_a_delta_holds_what_changed_and_what_went(adapter: TransmissionAdapter, recorded: Recorded) -> None:
    """One row changed, one went, one came; the next window repeats it all and tells nothing."""
    await adapter.poll()
    recorded.recent = set(recorded.rows)
    recorded.rows[1] = recorded.rows[1] | {"status": 0}
    gone = recorded.rows[2]["hashString"]
    recorded.remove(2)
    recorded.rows[9] = recorded.rows[3] | {"id": 9, "hashString": OTHER}
    recorded.recent.add(9)
    poll = await adapter.poll()
    assert (poll.whole, poll.removed) == (False, (gone,))
    assert {(row.id, row.state) for row in poll.rows} == {(MULTI, State.PAUSED), (OTHER, State.SEEDING)}
    assert (await adapter.poll()).rows == ()
    assert (await adapter.poll()).removed == ()


async def test_a_torrent_removed_and_added_again_is_a_row_and_no_removal(
    adapter: TransmissionAdapter, recorded: Recorded
) -> None:
    """The removed number is the old one's; the same hash under a new number is there, with its new epoch."""
    await adapter.poll()
    again = recorded.rows[1] | {"id": 9, "addedDate": 1795200000}
    recorded.remove(1)
    recorded.rows[9] = again
    recorded.recent.add(9)
    poll = await adapter.poll()
    assert (poll.whole, poll.removed) == (False, ())
    assert [(row.id, row.epoch) for row in poll.rows] == [(MULTI, "c1795200000")]


async def test_what_the_window_does_not_tell_is_told_by_the_count(
    adapter: TransmissionAdapter, recorded: Recorded
) -> None:
    """Where changes do not add up to as many torrents as there are, the whole list is asked at once."""
    await adapter.poll()
    del recorded.rows[1]
    poll = await adapter.poll()
    assert (poll.whole, len(poll.rows)) == (True, len(recorded.rows))


@pytest.mark.parametrize(("step", "steps"), [(MAX_GAP, 1), (MAX_GAP / 2, math.ceil(2 * RECONCILE_MOST / MAX_GAP))])
async def test_a_gap_or_some_time_needs_the_whole_list(
    adapter: TransmissionAdapter, recorded: Recorded, clock: Hurried, step: float, steps: int
) -> None:
    """The window ends after a minute, and misses what is no activity, as a label."""
    await adapter.poll()
    recorded.rows[1] = recorded.rows[1] | {"labels": ["movies"]}
    assert (await adapter.poll()).rows == ()
    poll = await adapter.poll()
    for _ in range(steps):
        if not poll.whole:
            clock.ahead += step
            poll = await adapter.poll()
    assert poll.whole
    assert {row.id: row.category for row in poll.rows}[MULTI] == "movies"


async def test_a_lost_reply_is_followed_by_the_whole_list(
    adapter: TransmissionAdapter, replay: Replay, recorded: Recorded
) -> None:
    """What a delta that never arrived would have told is not lost."""
    await adapter.poll()
    sound = replay.answer
    recorded.rows[1] = recorded.rows[1] | {"status": 0}
    recorded.recent.add(1)
    replay.answer = lambda call: Answer(body=sound(call).body, cut=10)
    with pytest.raises(ClientUnavailable):
        await adapter.poll()
    replay.answer = sound
    recorded.recent.clear()
    poll = await adapter.poll()
    assert (poll.whole, poll.restarted) == (True, False)
    assert {row.id: row.state for row in poll.rows}[MULTI] is State.PAUSED


async def test_a_session_id_that_is_only_renewed_is_no_restart(
    adapter: TransmissionAdapter, recorded: Recorded, clock: Hurried
) -> None:
    """Every hour Transmission exchanges its id: the daemon is as old as it should be, so no removal is held for it."""
    await adapter.poll()
    recorded.session_id, recorded.age = "two", recorded.age + 10
    clock.ahead += 10
    poll = await adapter.poll()
    assert (poll.whole, poll.restarted, poll.rows) == (False, False, ())


async def test_a_restarted_daemon_is_waited_for(adapter: TransmissionAdapter, recorded: Recorded) -> None:
    """3.00 answers with an empty list before it has loaded its torrents: that list is never told."""
    first = await adapter.poll()
    recorded.start_again()
    recorded.hidden = 6
    poll = await adapter.poll()
    assert (poll.whole, poll.restarted) == (True, True)
    assert poll.rows == first.rows
    recorded.recent = {101}
    recorded.rows[101] = recorded.rows[101] | {"status": 0}
    later = await adapter.poll()
    assert (later.whole, later.restarted, [row.id for row in later.rows]) == (False, False, [MULTI])


async def test_an_old_daemon_without_torrents_is_empty_at_once(
    adapter: TransmissionAdapter, replay: Replay, recorded: Recorded
) -> None:
    """Nobody waits for what a daemon that runs for an hour has not got."""
    recorded.rows = {}
    assert (await adapter.poll()).rows == ()
    assert [call["method"] for call in replay.calls].count("session-stats") == 2  # the first one was a 409


async def test_a_restart_between_two_answers_is_noticed(
    adapter: TransmissionAdapter, replay: Replay, recorded: Recorded
) -> None:
    """The changes of a new process are not those since our last poll."""
    first = await adapter.poll()
    sound = replay.answer

    def restarting(call: dict[str, Any]) -> Answer:
        if call["method"] == "torrent-get":
            replay.answer = sound
            recorded.start_again()
        return sound(call)

    replay.answer = restarting
    poll = await adapter.poll()
    assert (poll.whole, poll.restarted, poll.rows) == (True, True, first.rows)


async def test_a_restart_noticed_by_a_command_counts_at_the_next_poll(
    adapter: TransmissionAdapter, recorded: Recorded
) -> None:
    """Whoever meets the new session id first: the next poll is whole and says so."""
    await adapter.poll()
    recorded.start_again()
    await adapter.pause(MULTI)
    poll = await adapter.poll()
    assert (poll.whole, poll.restarted) == (True, True)


async def test_a_pause_is_repeated_until_it_holds(
    adapter: TransmissionAdapter, replay: Replay, recorded: Recorded
) -> None:
    """3.00 says "success" and starts a fresh magnet all the same, once it has checked its files."""
    recorded.deaf = 3
    await adapter.pause(MULTI)
    assert [call["method"] for call in replay.calls].count("torrent-stop") == 4
    assert recorded.rows[1]["status"] == 0


async def test_a_wrong_password_is_tried_once(replay: Replay, clock: Hurried) -> None:
    """With brute-force protection Transmission counts refusals: nobody asks again for half a minute."""
    async with closing(adapter_of(replay.url, WRONG_PASSWORD, clock)) as adapter:
        for _ in range(3):
            with pytest.raises(ClientAuthFailed) as refused:
                await adapter.poll()
            assert WRONG_PASSWORD not in str(refused.value)
        assert len(replay.calls) == 1
        clock.ahead += AUTH_PAUSE + 1
        with pytest.raises(ClientAuthFailed):
            await adapter.read(MULTI)
        assert len(replay.calls) == 2


async def test_no_password_says_so(replay: Replay) -> None:
    """Without a password where one is asked for, the message says what to set."""
    async with closing(adapter_of(replay.url, None)) as adapter:
        with pytest.raises(ClientAuthFailed, match="none is configured"):
            await adapter.poll()


async def test_no_one_asked_for_a_password_needs_none(recorded: Recorded) -> None:
    """A daemon without authentication is asked without."""

    def open_to_all(call: dict[str, Any]) -> Answer:
        assert "authorization" not in call["headers"]
        token = base64.b64encode(f"sluice:{PASSWORD}".encode()).decode()
        return recorded(call | {"headers": call["headers"] | {"authorization": f"Basic {token}"}})

    with Replay(open_to_all) as replay:
        settings = ClientSettings.model_validate({"type": "transmission", "url": replay.url})
        async with closing(TransmissionAdapter("transmission", settings, Hurried())) as adapter:
            assert (await adapter.poll()).rows


async def test_one_strange_row_spoils_the_poll(adapter: TransmissionAdapter, recorded: Recorded) -> None:
    """A row that does not parse makes the whole list unknown; leaving it out would look like a removal."""
    recorded.rows[1] = recorded.rows[1] | {"sizeWhenDone": "many"}
    with pytest.raises(ClientProtocolError, match="torrent-get answered another shape"):
        await adapter.poll()


async def test_before_3_00_rows_are_objects_and_there_are_no_categories(replay: Replay, recorded: Recorded) -> None:
    """RPC 15 knows neither tables nor labels; an add with a category is refused before anything is added."""
    recorded.session["arguments"] |= {"rpc-version": 15, "version": "2.94 (d8e60ee44f)"}
    for row in recorded.rows.values():
        row["labels"] = 0
    async with closing(adapter_of(replay.url)) as adapter:
        poll = await adapter.poll()
        assert (poll.version, {row.category for row in poll.rows}) == ("2.94", {None})
        assert all("format" not in call["arguments"] for call in replay.calls)
        with pytest.raises(Problem) as refusal:
            await adapter.add(NewDownload(magnet=f"magnet:?xt=urn:btih:{OTHER}", category="tv"))
        assert (refusal.value.code, refusal.value.status) == ("unsupported", 501)
    assert "torrent-add" not in {call["method"] for call in replay.calls}


async def test_a_version_that_is_too_old_says_so(adapter: TransmissionAdapter, recorded: Recorded) -> None:
    """Statuses had other numbers then."""
    recorded.session["arguments"] |= {"rpc-version": 13, "version": "2.33"}
    with pytest.raises(ClientProtocolError, match=r"2\.33 is too old"):
        await adapter.poll()


async def test_the_label_of_an_add(adapter: TransmissionAdapter, replay: Replay, recorded: Recorded) -> None:
    """4.0 takes it with the add; 3.00 leaves it out without a word, so it is set right after."""
    magnet = f"magnet:?xt=urn:btih:{OTHER.upper()}&dn=x"
    assert await adapter.add(NewDownload(magnet=magnet, category="tv")) == OTHER
    asked = {call["method"]: call["arguments"] for call in replay.calls}
    assert asked["torrent-add"]["filename"] == f"magnet:?xt=urn:btih:{OTHER}&dn=x"
    if recorded.folder == OLD:
        assert asked["torrent-set"] == {"ids": [OTHER], "labels": ["tv"]}
    else:
        assert asked["torrent-add"]["labels"] == ["tv"]
        assert "torrent-set" not in asked


async def test_a_hybrid_is_refused_where_it_would_never_arrive(
    adapter: TransmissionAdapter, replay: Replay, recorded: Recorded
) -> None:
    """3.00 takes a hybrid's magnet and then fails for ever to read what its peers send; 4.x goes by the v1 hash."""
    hybrid = NewDownload(magnet=f"magnet:?xt=urn:btih:{OTHER}&xt=urn:btmh:1220{'cd' * 32}")
    if recorded.folder == OLD:
        with pytest.raises(Problem) as refusal:
            await adapter.add(hybrid)
        assert (refusal.value.code, refusal.value.status) == ("unsupported", 501)
        assert "torrent-add" not in {call["method"] for call in replay.calls}
    else:
        assert await adapter.add(hybrid) == OTHER


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        (Answer(status=421, body=b"", content_type="text/html"), ClientAuthFailed, "rpc-host-whitelist"),
        (
            Answer(
                status=403,
                body=b"<h1>403: Forbidden</h1><p>Unauthorized IP Address.</p>",
                content_type="text/html",
                headers=(("Server", "Transmission"),),
            ),
            ClientAuthFailed,
            "rpc-whitelist",
        ),
        (
            Answer(status=409, body=b"", content_type="text/html"),
            ClientProtocolError,
            "session id",
        ),
    ],
)
async def test_other_answers_say_what_to_do(
    adapter: TransmissionAdapter, replay: Replay, answer: Answer, error: type[Exception], words: str
) -> None:
    """White lists, and a 409 that gives no id."""
    replay.answer = lambda _: answer
    with pytest.raises(error, match=words):
        await adapter.poll()


async def test_a_session_id_that_changes_with_every_answer_ends(adapter: TransmissionAdapter, replay: Replay) -> None:
    """Two daemons behind one address would have us ask for ever."""
    replay.answer = lambda _: Answer(
        status=409, body=b"", content_type="text/html", headers=((wire.SESSION_HEADER, secrets.token_hex(4)),)
    )
    with pytest.raises(ClientProtocolError, match="session id"):
        await adapter.poll()
    assert len(replay.calls) < 10


async def test_about(adapter: TransmissionAdapter, recorded: Recorded) -> None:
    """Every label in use is a category without a folder."""
    about = await adapter.about()
    assert about.version == {OLD: "3.00", NEW: "4.1.0-beta.2"}[recorded.folder]
    assert (about.save_path, about.categories) == ("/downloads", {"tv": None, "x": None})
