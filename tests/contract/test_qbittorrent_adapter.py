"""qBittorrent's adapter over recorded replies of 4.5.2 and 5.1.0: every state, log-in, delta and strange answer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
from typing_extensions import override

from contract.adapter_suite import SAMPLES, WRONG_PASSWORD, Meaning, RecordedSuite
from sluice_client_poller.adapters.qbittorrent import client, wire
from sluice_client_poller.adapters.qbittorrent.client import QbittorrentAdapter
from sluice_client_poller.adapters.qbittorrent.mapping import to_download, to_files
from sluice_common.kit.errors import ClientProtocolError, ClientUnavailable
from sluice_common.model.download import Download
from sluice_common.model.enums import Health, Reason, State
from support.hurried import Hurried
from support.recorded_qbittorrent import API, RecordedQbittorrent, adapter_of, count, polls
from support.replay import Answer, Replay

OLD, NEW = "qbittorrent-4.5.2", "qbittorrent-5.1.0"
MULTI = "7202b0b5e451bfb8bd36e75ee472fe36018698ff"
NAME = "Show.Name.S01E02.1080p.WEB-DL.x264-GRP"

OK = Health.OK
MEANINGS = {
    "checkingResumeData": Meaning(State.CHECKING, False, OK, None),
    "checkingUP": Meaning(State.CHECKING, False, OK, None),
    "downloading": Meaning(State.DOWNLOADING, False, OK, None),
    "error": Meaning(State.PAUSED, False, Health.ERROR, Reason.CLIENT_ERROR),
    "forcedDL": Meaning(State.DOWNLOADING, False, OK, None),
    "forcedMetaDL": Meaning(State.FETCHING_METADATA, False, OK, None),
    "forcedUP": Meaning(State.SEEDING, True, OK, None),
    "metaDL": Meaning(State.FETCHING_METADATA, False, OK, None),
    "missingFiles": Meaning(State.PAUSED, False, Health.ERROR, Reason.MISSING_FILES),
    "moving": Meaning(State.MOVING, False, OK, None),
    "pausedDL": Meaning(State.PAUSED, False, OK, None),
    "pausedUP": Meaning(State.PAUSED, True, OK, None),
    "stalledDL": Meaning(State.DOWNLOADING, False, OK, None),  # all were recorded in their first minute
    "stalledUP": Meaning(State.SEEDING, True, OK, None),
    "stoppedDL": Meaning(State.PAUSED, False, OK, None),
    "stoppedUP": Meaning(State.PAUSED, True, OK, None),
    "uploading": Meaning(State.SEEDING, True, OK, None),
}


def _table(**states: str) -> dict[str, Meaning]:
    """The samples of one version: each state with the scenarios in which it was recorded."""
    return {f"{state}__{one}": MEANINGS[state] for state, scenarios in states.items() for one in scenarios.split()}


STATES = {
    OLD: {"missingFiles": MEANINGS["missingFiles"]}
    | _table(
        checkingResumeData="badtracker dead enospc magnet multi single xfsmove",
        checkingUP="extra",
        downloading="magnet multi single xfsmove",
        error="enospc",
        forcedDL="dead_forced unlinked_recheck",
        forcedMetaDL="extra",
        forcedUP="single_forced unlinked_live",
        metaDL="deadmagnet deadmagnet_stopped extra magnet",
        moving="multi_moved multi_moving xfsmove_done",
        pausedDL="deadmagnet_stopped multi",
        pausedUP="multi multi2",
        stalledDL="badtracker dead dead_forced magnet multi single xfsmove",
        stalledUP="extra magnet multi multi2 multi_moved multi_recheck multi_recheck2 single single_done single_forced"
        " xfsmove_done",
    ),
    NEW: {"missingFiles": MEANINGS["missingFiles"]}
    | _table(
        checkingResumeData="badtracker dead enospc magnet multi single xfsmove",
        checkingUP="extra",
        downloading="magnet multi single xfsmove",
        error="enospc",
        forcedDL="dead_forced unlinked_recheck",
        forcedMetaDL="extra",
        forcedUP="single_forced unlinked_live",
        metaDL="deadmagnet deadmagnet_stopped magnet",
        moving="multi_moving xfsmove_done",
        stalledDL="badtracker dead dead_forced magnet multi single xfsmove",
        stalledUP="extra magnet multi multi2 multi_recheck multi_recheck2 single single_done",
        stoppedDL="deadmagnet_stopped multi",
        stoppedUP="multi multi2",
        uploading="multi_moved single_forced xfsmove_done",
    ),
}


def reply(folder: str, name: str) -> wire.Reply:
    """A recorded answer as it came."""
    return wire.Reply(path=name, status=200, body=(SAMPLES / folder / name).read_bytes())


def rows(folder: str, name: str) -> list[Download]:
    """A recorded list as Downloads."""
    listed = wire.parse_list(reply(folder, name))
    return [to_download("qbittorrent", torrent_id, wire.merge(None, raw)) for torrent_id, raw in listed]


def only(folder: str, name: str) -> Download:
    """A recorded list of one."""
    (row,) = rows(folder, name)
    return row


@pytest.fixture
def recorded() -> RecordedQbittorrent:
    """A recorded qBittorrent that was just started."""
    return RecordedQbittorrent(SAMPLES / OLD)


@pytest.fixture
def replay(recorded: RecordedQbittorrent) -> Iterator[Replay]:
    """That qBittorrent behind HTTP."""
    with Replay(recorded) as running:
        yield running


class TestQbittorrentRecorded(RecordedSuite):
    """The suites of every adapter, for qBittorrent."""

    CLIENT = "qbittorrent"
    RECORDED = STATES
    poll_method = API + "sync/maindata"

    @override
    @pytest.fixture
    def healthy(self, replay: Replay) -> Replay:
        """A recorded client that answers everything a poll asks."""
        return replay

    @override
    def make(self, url: str) -> QbittorrentAdapter:
        """The adapter of a client at `url` with the right password."""
        return adapter_of(url)

    @override
    def refused(self, url: str) -> QbittorrentAdapter:
        """The adapter of a client at `url` with `WRONG_PASSWORD`."""
        return adapter_of(url, WRONG_PASSWORD)

    @override
    def restart(self, healthy: Replay) -> None:
        """Let the recorded client forget its sessions, as it does when it is started again."""
        assert isinstance(healthy.answer, RecordedQbittorrent)
        healthy.answer.forget_sessions()

    @override
    def recorded_row(self, folder: str, name: str) -> Download:
        """The Download that the adapter makes of the sample `folder/name`."""
        return only(folder, name)


class TestQbittorrent5Recorded(TestQbittorrentRecorded):
    """The same over the recordings of 5.1.0."""

    @override
    @pytest.fixture
    def healthy(self) -> Iterator[Replay]:
        """A recorded 5.1.0 that answers everything a poll asks."""
        with Replay(RecordedQbittorrent(SAMPLES / NEW)) as running:
            yield running


def test_a_finished_row_in_full() -> None:
    """Every field of a row, with what is unknown as None."""
    row = next(row for row in rows(NEW, "torrents_info_all.json") if row.id == MULTI)
    assert (row.id, row.epoch, row.name, row.aliases) == (MULTI, "c1795196358", NAME, ())
    assert (row.size, row.total_size, row.done) == (33555632, 33555632, 33555632)
    assert (row.eta, row.ratio, row.seeding_time, row.seeds, row.peers) == (None, 0.9996915031874379, 35, 0, 0)
    assert (row.category, row.tags, row.tracker, row.private) == ("tv", ("t1", "t2"), "127.0.0.1", False)
    assert (row.save_path, row.content_path) == ("/downloads/moved", f"/downloads/moved/{NAME}")
    assert (row.up_speed, row.down_speed) == (35397, 0)
    assert row.added_at is not None
    assert row.added_at.timestamp() == 1795196358
    assert row.completed_at is not None
    assert row.completed_at.timestamp() == 1795196367


@pytest.mark.parametrize("sample", [f"{OLD}/state_metaDL__deadmagnet.json", f"{NEW}/state_metaDL__deadmagnet.json"])
def test_a_magnet_without_metadata_knows_nothing(sample: str) -> None:
    """Zeros and -1 that mean unknown are None, and there is no path yet."""
    row = only(*sample.split("/"))
    assert (row.size, row.total_size, row.done, row.ratio, row.private) == (None,) * 5
    assert (row.eta, row.tracker, row.category, row.content_path, row.completed_at) == (None,) * 5


def test_a_completion_time_is_not_a_completion() -> None:
    """It is set while the files are being moved, and stays when a recheck has found them missing."""
    for folder in (OLD, NEW):
        for name in ("moving__xfsmove_done", "forcedDL__unlinked_recheck"):
            row = only(folder, f"state_{name}.json")
            assert (row.is_complete, row.completed_at) == (False, None), name


def test_a_bare_name_is_no_path() -> None:
    """4.5 gives it while it checks its resume data."""
    assert only(OLD, "state_checkingResumeData__multi.json").content_path is None
    assert only(OLD, "state_stalledUP__multi.json").content_path == f"/downloads/{NAME}"


@pytest.mark.parametrize("folder", [OLD, NEW])
def test_recorded_force(folder: str) -> None:
    """The states that say forced are those of downloads that pass their client's queue."""
    for name in STATES[folder]:
        assert only(folder, f"state_{name}.json").forced is name.startswith("forced"), name


def test_recorded_queueing_and_layouts() -> None:
    """What waits for its turn is queued; a file in a folder of its own has that as its path."""
    assert {row.state for row in rows(NEW, "queueing_all.json")} >= {State.QUEUED}
    paths = {row.name: row.content_path for row in rows(OLD, "layouts.json")}
    assert paths["My Name"] == f"/downloads/{NAME}"


def test_recorded_files() -> None:
    """Paths are relative to the save path and sizes exact; a magnet without metadata has none."""
    files = to_files(wire.parse(reply(OLD, "state_stalledUP__multi.files.json"), list[wire.FileEntry]))
    assert [(file.index, file.size, file.done, file.wanted) for file in files] == [
        (0, 2097152, 2097152, True),
        (1, 31457280, 31457280, True),
        (2, 1200, 1200, True),
    ]
    assert files[2].path == f"{NAME}/{NAME.lower()}.nfo"
    assert wire.parse(reply(NEW, "state_metaDL__deadmagnet.files.json"), list[wire.FileEntry]) == []


@pytest.mark.parametrize("folder", [OLD, NEW])
def test_recorded_deltas(folder: str) -> None:
    """An idle one says nothing, a removal names who left, a new torrent comes whole, an empty client is full."""
    idle, added, removed, empty, full = (
        wire.parse(reply(folder, f"sync_{name}.json"), wire.MainData)
        for name in ("delta_idle", "delta_added", "delta_removed", "empty", "full")
    )
    assert (idle.full_update, idle.torrents, idle.torrents_removed) == (False, {}, ())
    assert removed.torrents_removed == ("f5e29c9fab07321388f82679964de6037d5a35c8",)
    assert wire.merge(None, added.torrents["dac79594aa08e218103a609a4557a2fb3e53efb7"]).state == "stalledUP"
    assert (empty.full_update, empty.torrents) == (True, {})
    assert (full.full_update, list(full.torrents)) == (True, [MULTI])


def rids(replay: Replay) -> list[str]:
    """With which numbers the list was asked for."""
    return [call["query"]["rid"] for call in replay.calls if call["method"] == API + "sync/maindata"]


async def test_the_first_poll_logs_in_and_is_whole(replay: Replay) -> None:
    """One log-in and the versions once, and whether its magnet is there; what follows asks for changes: none."""
    first, second, third = await polls(adapter_of(replay.url), 3)
    assert [count(replay, name) for name in ("auth/login", "app/version", "torrents/info")] == [1, 1, 1]
    assert (first.whole, first.restarted, len(first.rows), first.version) == (True, True, 5, "4.5.2")
    assert first.free_space is not None
    assert (first.down_speed, first.up_speed) == (0, 0)
    for later in (second, third):
        assert (later.whole, later.restarted, later.rows, later.removed) == (False, False, (), ())
        assert (later.version, later.free_space) == (first.version, first.free_space)
    assert rids(replay) == ["0", "1", "2"]


async def test_nothing_says_where_a_request_comes_from(replay: Replay) -> None:
    """A foreign Origin or Referer is refused, none is not; the session's cookie is echoed as it came."""
    await polls(adapter_of(replay.url), 2)
    for call in replay.calls:
        assert not {"origin", "referer"} & set(call["headers"])
    assert replay.calls[-1]["cookie"] == "SID=0000000000000000"


async def test_a_delta_says_what_changed(recorded: RecordedQbittorrent, replay: Replay) -> None:
    """Only the rows that differ, whole again; who left by id; a clock that ticks is no change."""
    adapter = adapter_of(replay.url)
    before = {row.id: row for row in (await adapter.poll()).rows}
    changed, gone, ticking = sorted(before)[:3]
    recorded.torrents[changed]["name"] = "Another"
    recorded.torrents[ticking] |= {"time_active": 99, "seeding_time": recorded.torrents[ticking]["seeding_time"] + 60}
    del recorded.torrents[gone]
    poll = await adapter.poll()
    assert (poll.whole, poll.removed) == (False, (gone,))
    known = {row.id: row for row in poll.rows}
    assert known.keys() <= {changed, ticking}
    assert known[changed].name == "Another"
    assert known[changed].added_at == before[changed].added_at
    recorded.torrents[ticking]["seeding_time"] += 1
    assert (await adapter.poll()).rows == ()
    await adapter.close()


async def test_a_glance_is_taken_back_by_the_next_delta(recorded: RecordedQbittorrent, replay: Replay) -> None:
    """What a glance saw and no delta tells, because it went back to what it was, is told again as it is."""
    adapter = adapter_of(replay.url)
    before = {row.id: row for row in (await adapter.poll()).rows}
    glanced, changed, gone = sorted(before)[:3]
    was = recorded.torrents[glanced]["name"]
    recorded.torrents[glanced]["name"] = "For a moment"
    recorded.torrents[changed]["name"] = "Another"
    del recorded.torrents[gone]
    seen = {row.id: row.name for row in await adapter.glance([glanced, gone])}
    assert seen == {glanced: "For a moment"}
    recorded.torrents[glanced]["name"] = was
    poll = await adapter.poll()
    assert (poll.whole, poll.removed) == (False, (gone,))
    assert {row.id: row.name for row in poll.rows} == {glanced: was, changed: "Another"}
    assert (await adapter.poll()).rows == ()
    await adapter.close()


async def test_a_completion_is_asked_for_before_it_counts(recorded: RecordedQbittorrent, replay: Replay) -> None:
    """A delta that lost its `moving` must not let anybody touch the files: the client is asked, until it says so."""
    moving = json.loads((SAMPLES / OLD / "state_moving__xfsmove_done.json").read_bytes())[0]
    torrent_id = moving.pop("hash")
    recorded.torrents = {torrent_id: moving | {"state": "downloading", "progress": 0.9}}
    adapter = adapter_of(replay.url)
    await adapter.poll()
    recorded.torrents[torrent_id] = moving | {"state": "stalledUP"}
    truth: dict[str, Any] = {"state": "moving"}

    def answer(call: dict[str, Any]) -> Answer:
        if call["method"] != API + "torrents/info":
            return recorded(call)
        return Answer(body=json.dumps([moving | truth | {"hash": torrent_id}]).encode())

    replay.answer = answer
    for _ in range(2):
        (row,) = (await adapter.poll()).rows
        assert (row.state, row.is_complete) == (State.MOVING, False)
    truth["state"] = "stalledUP"
    (row,) = (await adapter.poll()).rows
    assert (row.state, row.is_complete) == (State.SEEDING, True)
    asked = count(replay, "torrents/info")
    assert (await adapter.poll()).rows == ()
    assert (asked, count(replay, "torrents/info")) == (3, 3)
    await adapter.close()


async def test_one_that_left_is_not_confirmed(recorded: RecordedQbittorrent, replay: Replay) -> None:
    """Complete in the delta and gone when asked: it is shown as before, and the next delta takes it out."""
    adapter = adapter_of(replay.url)
    recorded.torrents[MULTI] |= {"state": "downloading", "progress": 0.5}
    await adapter.poll()
    recorded.torrents[MULTI] |= {"state": "stalledUP", "progress": 1}

    def answer(call: dict[str, Any]) -> Answer:
        if call["method"] == API + "torrents/info":
            recorded.torrents.pop(MULTI, None)
        return recorded(call)

    replay.answer = answer
    first, second = await adapter.poll(), await adapter.poll()
    assert (first.rows, first.removed, second.removed) == ((), (), (MULTI,))
    await adapter.close()


async def test_after_a_lost_reply_everything_is_asked_for(recorded: RecordedQbittorrent, replay: Replay) -> None:
    """Whatever call got no answer: the next list is whole, and not called a restart."""
    adapter = adapter_of(replay.url)
    await adapter.poll()
    replay.answer = lambda call: Answer(body=recorded(call).body, cut=2)
    with pytest.raises(ClientUnavailable):
        await adapter.poll()
    replay.answer = recorded
    assert ((again := await adapter.poll()).whole, again.restarted, len(again.rows)) == (True, False, 5)
    assert not (await adapter.poll()).whole
    replay.answer = lambda call: Answer(body=b"", status=502)
    with pytest.raises(ClientUnavailable):
        await adapter.files(MULTI)
    replay.answer = lambda call: Answer(body=recorded(call).body, cut=2)
    with pytest.raises(ClientUnavailable):
        await adapter.read(MULTI)
    replay.answer = recorded
    assert (await adapter.poll()).whole
    await adapter.close()
    assert rids(replay)[:4] == ["0", "1", "0", "3"]


async def test_a_cancelled_poll_is_a_lost_reply(recorded: RecordedQbittorrent, replay: Replay) -> None:
    """qBittorrent may believe that we have what nobody read."""
    adapter = adapter_of(replay.url)
    await adapter.poll()
    polling = asyncio.ensure_future(adapter.poll())
    await asyncio.sleep(0)
    polling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await polling
    assert (await adapter.poll()).whole
    await adapter.close()


async def test_everything_is_asked_for_every_few_minutes(replay: Replay) -> None:
    """What a lost reply took along comes back; the client calls it full, we do not call it a restart."""
    clock = Hurried()
    adapter = adapter_of(replay.url, clock=clock)
    await adapter.poll()
    clock.ahead = client.RECONCILE_SECONDS + 1
    whole, delta = await adapter.poll(), await adapter.poll()
    assert (whole.whole, whole.restarted, delta.whole) == (True, False, False)
    await adapter.close()


async def test_a_delta_about_strangers_asks_for_everything(recorded: RecordedQbittorrent, replay: Replay) -> None:
    """A part of a torrent that we never saw whole: what was added up is wrong, and is not guessed at."""
    adapter = adapter_of(replay.url)
    await adapter.poll()
    delta = {"rid": 2, "torrents": {"f" * 40: {"progress": 1}}}

    def answer(call: dict[str, Any]) -> Answer:
        partly = call["query"].get("rid") == "1"
        return Answer(body=json.dumps(delta).encode()) if partly else recorded(call)

    replay.answer = answer
    poll = await adapter.poll()
    assert (poll.whole, poll.restarted, len(poll.rows)) == (True, False, 5)
    assert rids(replay) == ["0", "1", "0"]
    await adapter.close()


async def test_a_part_is_never_the_whole(recorded: RecordedQbittorrent, replay: Replay) -> None:
    """Asked for everything and given a delta, by whatever stands in between: an error, no empty client."""
    adapter = adapter_of(replay.url)
    sync = API + "sync/maindata"
    replay.answer = lambda call: Answer(body=b'{"rid":7}') if call["method"] == sync else recorded(call)
    with pytest.raises(ClientProtocolError, match="whole"):
        await adapter.poll()
    await adapter.close()


async def test_an_empty_client_is_empty(recorded: RecordedQbittorrent, replay: Replay) -> None:
    """A good poll; 5.x leaves the torrents out altogether."""
    for folder in (OLD, NEW):
        empty = Answer(body=(SAMPLES / folder / "sync_empty.json").read_bytes())

        def answer(call: dict[str, Any], empty: Answer = empty) -> Answer:
            return empty if call["method"] == API + "sync/maindata" else recorded(call)

        replay.answer = answer
        (poll,) = await polls(adapter_of(replay.url), 1)
        assert (poll.whole, poll.rows) == (True, ())


async def test_one_strange_row_spoils_the_poll(recorded: RecordedQbittorrent, replay: Replay) -> None:
    """A row that does not parse makes the whole list unknown; leaving it out would look like a removal."""
    recorded.torrents[MULTI]["size"] = "many"
    adapter = adapter_of(replay.url)
    with pytest.raises(ClientProtocolError, match="size"):
        await adapter.poll()
    await adapter.close()


async def test_a_hybrid_that_changes_its_name(recorded: RecordedQbittorrent, replay: Replay) -> None:
    """With its metadata a hybrid's id becomes the truncated v2 hash: both names still mean it."""
    adapter = adapter_of(replay.url)
    await adapter.poll()
    v2 = "2" * 64
    recorded.torrents[v2[:40]] = recorded.torrents.pop(MULTI) | {"infohash_v1": MULTI, "infohash_v2": v2}
    poll = await adapter.poll()
    assert poll.removed == (MULTI,)
    (row,) = poll.rows
    assert (row.id, row.aliases) == (v2[:40], tuple(sorted((MULTI, v2))))
    for name in (MULTI, v2, v2[:40]):
        assert await adapter.read(name) == row
    await adapter.pause(MULTI)
    assert replay.calls[-1]["form"] == {"hashes": v2[:40]}
    await adapter.close()


async def test_a_hybrids_old_name_that_is_told_for_ever(recorded: RecordedQbittorrent, replay: Replay) -> None:
    """5.1 never says that the magnet went, even in full lists after the hybrid was removed: we do, and it stays gone.

    Seen with 5.1.0: sync/maindata goes on listing the v1 hash in metaDL, torrents/info does not.
    """
    clock, v2 = Hurried(), "2" * 64
    adapter = adapter_of(replay.url, clock=clock)
    magnet = recorded.torrents[MULTI] | {"infohash_v1": MULTI, "infohash_v2": "", "state": "metaDL"}
    recorded.torrents[MULTI] = magnet | {"size": -1, "total_size": -1, "has_metadata": False, "progress": 0}
    hybrid = magnet | {"infohash_v2": v2, "state": "stalledUP"}
    assert MULTI in {row.id for row in (await adapter.poll()).rows}
    recorded.ghosts[MULTI] = recorded.torrents.pop(MULTI)
    recorded.torrents[v2[:40]] = hybrid
    poll = await adapter.poll()
    assert ([row.id for row in poll.rows], poll.removed) == ([v2[:40]], (MULTI,))
    for there in (True, False):
        clock.ahead += client.RECONCILE_SECONDS + 1
        whole = await adapter.poll()
        ids = {row.id for row in whole.rows}
        assert (whole.whole, MULTI in ids, v2[:40] in ids) == (True, False, there)
        recorded.torrents.pop(v2[:40], None)
    await adapter.close()
