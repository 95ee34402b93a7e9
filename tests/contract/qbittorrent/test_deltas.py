"""What qBittorrent's adapter makes of poll after poll: deltas, confirmations, lost replies, strange rows."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from contract.adapter_suite import SAMPLES
from sluice_client_poller.adapters.qbittorrent import client
from sluice_common.kit.errors import ClientProtocolError, ClientUnavailable
from sluice_common.model.enums import State
from support.hurried import Hurried
from support.recorded_qbittorrent import (
    API,
    MULTI,
    NEW,
    OLD,
    RecordedQbittorrent,
    adapter_of,
    count,
    polls,
)
from support.replay import Answer, Replay

NAME = "Show.Name.S01E02.1080p.WEB-DL.x264-GRP"


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
