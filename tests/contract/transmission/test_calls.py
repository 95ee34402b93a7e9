"""What Transmission's adapter asks and how it goes on: log-ins, deltas, restarts, lost replies, refusals."""

from __future__ import annotations

import base64
import math
import secrets
from typing import Any

import pytest

from contract.adapter_suite import WRONG_PASSWORD
from sluice_client_poller.adapters.port import NewDownload
from sluice_client_poller.adapters.transmission import wire
from sluice_client_poller.adapters.transmission.client import AUTH_PAUSE, TransmissionAdapter
from sluice_client_poller.adapters.transmission.mirror import MAX_GAP, RECONCILE_MOST
from sluice_common.kit.errors import ClientAuthFailed, ClientProtocolError, ClientUnavailable, Problem
from sluice_common.kit.settings import ClientSettings
from sluice_common.model.enums import State
from support.hurried import Hurried
from support.recorded_transmission import MULTI, NEW, OLD, OTHER, PASSWORD, Recorded, adapter_of, arguments, closing
from support.replay import Answer, Replay


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


async def test_data_that_cannot_be_deleted(adapter: TransmissionAdapter, replay: Replay, recorded: Recorded) -> None:
    """4.1 says success and keeps the torrent: the remove fails in its words, unless nothing of it was on the disk."""
    recorded.undeletable = True
    whole, empty = (row["hashString"] for row in list(recorded.rows.values())[:2])
    for row in recorded.rows.values():
        row["leftUntilDone"] = row["sizeWhenDone"] if row["hashString"] == empty else 0
    with pytest.raises(Problem, match="Permission denied") as refused:
        await adapter.remove(whole, with_data=True)
    assert (refused.value.code, refused.value.status) == ("data_not_removed", 409)
    await adapter.remove(whole, with_data=False)
    await adapter.remove(empty, with_data=True)
    assert not {whole, empty} & {row["hashString"] for row in recorded.rows.values()}


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
