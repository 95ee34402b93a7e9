"""Deluge's adapter over recorded replies of 2.0.3: every state, every refusal, every shape that is not an answer."""

from __future__ import annotations

import json

import msgspec
import pytest
from typing_extensions import override

from contract.adapter_suite import WRONG_PASSWORD, Meaning, RecordedSuite
from sluice_client_poller.adapters.deluge import wire
from sluice_client_poller.adapters.deluge.client import DelugeAdapter
from sluice_client_poller.adapters.deluge.mapping import to_download, to_files
from sluice_client_poller.adapters.port import NewDownload
from sluice_common.kit.errors import ClientAuthFailed, ClientProtocolError, ClientUnavailable, Problem
from sluice_common.model.download import Download
from sluice_common.model.enums import Health, Reason, State
from support.hurried import Hurried
from support.recorded_deluge import HASH, VERSION, Recorded, adapter_of, result, sample, success
from support.replay import Replay

DL, META, PAUSED, SEED = State.DOWNLOADING, State.FETCHING_METADATA, State.PAUSED, State.SEEDING
STATES = {
    "Downloading__badtracker": Meaning(DL, False, Health.OK, None),
    "Downloading__badtracker2": Meaning(DL, False, Health.WARNING, Reason.TRACKER_ERROR),
    "Downloading__dead": Meaning(DL, False, Health.OK, None),
    "Downloading__deadmagnet": Meaning(META, False, Health.OK, None),
    "Downloading__magnet": Meaning(DL, False, Health.OK, None),
    "Downloading__magnet_finished": Meaning(DL, False, Health.OK, None),
    "Downloading__multi": Meaning(DL, False, Health.OK, None),
    "Downloading__multi_finished": Meaning(DL, False, Health.OK, None),
    "Downloading__single": Meaning(DL, False, Health.OK, None),
    "Downloading__single_finished": Meaning(DL, False, Health.OK, None),
    "Downloading__unlinked_recheck": Meaning(DL, False, Health.OK, None),
    "Paused__multi": Meaning(PAUSED, False, Health.OK, None),
    "Paused__multi_chk_finished": Meaning(PAUSED, True, Health.OK, None),
    "Paused__multi_p_finished": Meaning(PAUSED, True, Health.OK, None),
    "Paused__multi_r_finished": Meaning(PAUSED, True, Health.OK, None),
    "Seeding__magnet_finished": Meaning(SEED, True, Health.OK, None),
    "Seeding__moved_finished": Meaning(SEED, True, Health.OK, None),
    "Seeding__moving_finished": Meaning(SEED, True, Health.OK, None),
    "Seeding__multi_finished": Meaning(SEED, True, Health.OK, None),
    "Seeding__multi_p_finished": Meaning(SEED, True, Health.OK, None),
    "Seeding__multi_r_finished": Meaning(SEED, True, Health.OK, None),
    "Seeding__single_finished": Meaning(SEED, True, Health.OK, None),
    "Seeding__unlinked_live_finished": Meaning(SEED, True, Health.OK, None),
}


def download(name: str) -> Download:
    """A recorded row as a Download."""
    row = wire.parse_row(result(name))
    assert row is not None
    return to_download("deluge", HASH, row)


def test_a_move_across_file_systems_completes_only_at_its_end() -> None:
    """Deluge says Downloading at 100 % and Moving before the files are where they stay."""
    complete = []
    for name in ("Downloading_finFalse_src", "Moving_finFalse_src", "Seeding_finTrue_done"):
        recorded = json.loads(sample(f"move_{name}.json"))
        whole = json.loads(bytes(result("state_Seeding__multi_finished.json")))
        row = wire.parse_row(msgspec.Raw(json.dumps(whole | recorded).encode()))
        assert row is not None
        complete.append(to_download("deluge", HASH, row).is_complete)
    assert complete == [False, False, True]


def test_a_finished_row_in_full() -> None:
    """Every field of a row, with what is unknown as None."""
    row = download("state_Seeding__multi_r_finished.json")
    assert (row.id, row.epoch, row.name) == (HASH, "c1795197121", "Show.Name.S01E02.1080p.WEB-DL.x264-GRP")
    assert (row.size, row.total_size, row.done) == (33555632, 33555632, 33555632)
    assert (row.eta, row.ratio, row.seeding_time, row.seeds, row.peers) == (None, 0.0, 2, 1, 0)
    assert (row.category, row.tracker, row.private) == ("tv", "127.0.0.1", False)
    assert row.save_path == "/downloads/done"
    assert row.content_path == "/downloads/done/Show.Name.S01E02.1080p.WEB-DL.x264-GRP"
    assert row.added_at is not None
    assert row.added_at.timestamp() == 1795197121
    assert row.completed_at is not None
    assert row.completed_at.timestamp() == 1795197127


def test_a_magnet_without_metadata_knows_nothing() -> None:
    """Zeros and -1 that mean unknown are None, and a magnet's display name is no path."""
    row = download("state_Downloading__deadmagnet.json")
    assert (row.size, row.total_size, row.done, row.ratio, row.private) == (None,) * 5
    assert (row.eta, row.tracker, row.category, row.content_path, row.completed_at) == (None,) * 5


def test_a_completion_time_is_not_a_completion() -> None:
    """The time stays set after a recheck has found the files missing."""
    assert download("state_Downloading__unlinked_recheck.json").completed_at is None


def test_tracker_errors_keep_the_clients_words() -> None:
    """People see what the tracker said."""
    assert download("tracker_error.json").message == "Error: blocked by SSRF mitigation"


def test_recorded_files() -> None:
    """Paths are relative to the save path and sizes exact."""
    listed = wire.parse_files(result("state_Seeding__multi_finished.json"))
    assert listed is not None
    files = to_files(listed)
    assert [(file.index, file.size, file.done, file.wanted) for file in files] == [
        (0, 2097152, 2097152, True),
        (1, 31457280, 31457280, True),
        (2, 1200, 1200, True),
    ]
    assert files[2].path == "Show.Name.S01E02.1080p.WEB-DL.x264-GRP/show.name.s01e02.1080p.web-dl.x264-grp.nfo"


@pytest.mark.parametrize(
    ("name", "code", "kind"),
    [
        ("no_auth.json", wire.UNKNOWN_METHOD, ""),
        ("web_not_connected.json", wire.UNKNOWN_METHOD, ""),
        ("add_duplicate.json", 4, "AddTorrentError"),
        ("add_garbage.json", 4, "AddTorrentError"),
    ],
)
def test_recorded_refusals(name: str, code: int, kind: str) -> None:
    """Deluge's errors are told apart by code and by the daemon's exception."""
    with pytest.raises(wire.Refused) as refused:
        result(name)
    assert (refused.value.code, refused.value.kind) == (code, kind)


def test_a_recorded_diff_has_no_rows() -> None:
    """`{}` is "nothing new" or "not there"; it is never a row of defaults."""
    rows = wire.parse_rows(result("get_torrents_status_diff1.json"))
    assert [wire.parse_row(raw) for raw in rows.values()] == [None] * 6


class TestDelugeRecorded(RecordedSuite):
    """The suite of every adapter, for Deluge."""

    CLIENT = "deluge"
    RECORDED = {VERSION: STATES}  # noqa: RUF012 - never changed
    poll_method = "core.get_torrents_status"

    @override
    @pytest.fixture
    def healthy(self, replay: Replay) -> Replay:
        """A recorded client that answers everything a poll asks."""
        return replay

    @override
    def make(self, url: str) -> DelugeAdapter:
        """The adapter of a client at `url` with the right password."""
        return adapter_of(url)

    @override
    def refused(self, url: str) -> DelugeAdapter:
        """The adapter of a client at `url` with the wrong one."""
        return adapter_of(url, WRONG_PASSWORD)

    @override
    def restart(self, healthy: Replay) -> None:
        """deluge-web keeps its sessions in memory."""
        assert isinstance(healthy.answer, Recorded)
        healthy.answer.sessions.clear()

    @override
    def recorded_row(self, folder: str, name: str) -> Download:
        """A recorded row as a Download."""
        return download(name)


async def test_the_first_poll_logs_in_and_connects(replay: Replay) -> None:
    """A fresh deluge-web is neither logged in nor connected; the poll does both once and says so once."""
    adapter = adapter_of(replay.url)
    first, second = await adapter.poll(), await adapter.poll()
    await adapter.close()
    methods = [call["method"] for call in replay.calls]
    assert (methods.count("auth.login"), methods.count("web.connect")) == (1, 1)
    assert (first.restarted, second.restarted) == (True, False)
    assert len(first.rows) == 6
    assert (first.version, first.free_space, first.down_speed) == ("2.0.3", 1_000_000, 5)
    assert replay.calls[-1]["cookie"] == "_session_id=s"


async def test_an_expired_session_is_renewed_once(recorded: Recorded, replay: Replay) -> None:
    """A session that ended is renewed within the same poll, which then counts as a restart."""
    adapter = adapter_of(replay.url)
    await adapter.poll()
    recorded.sessions.clear()
    poll = await adapter.poll()
    await adapter.close()
    assert (poll.restarted, len(poll.rows)) == (True, 6)
    assert [call["method"] for call in replay.calls].count("auth.login") == 2


async def test_a_lost_daemon_is_connected_again(recorded: Recorded, replay: Replay) -> None:
    """deluge-web does not connect again by itself; we do, and say that the list may be late."""
    adapter = adapter_of(replay.url)
    await adapter.poll()
    recorded.connected = False
    assert (await adapter.poll()).restarted
    await adapter.close()


async def test_a_daemon_restart_behind_our_back_counts(recorded: Recorded, replay: Replay) -> None:
    """Somebody else connected deluge-web to the restarted daemon: its traffic counters tell."""
    adapter = adapter_of(replay.url)
    await adapter.poll()
    recorded.fixed["core.get_session_status"] = {"net.recv_bytes": 6}
    assert (await adapter.poll()).restarted
    recorded.fixed["core.get_session_status"] = {"net.recv_bytes": 9}
    assert not (await adapter.poll()).restarted
    await adapter.close()


async def test_null_is_not_an_empty_list(recorded: Recorded, replay: Replay) -> None:
    """A disconnected deluge-web says null: that is an error, never a client without torrents."""
    adapter = adapter_of(replay.url)
    recorded.list = b'{"result": null, "error": null, "id": 1}'
    with pytest.raises(ClientUnavailable):
        await adapter.poll()
    await adapter.close()


async def test_an_empty_list_is_empty(recorded: Recorded, replay: Replay) -> None:
    """A client without torrents is a good poll."""
    adapter = adapter_of(replay.url)
    recorded.list = b'{"result": {}, "error": null, "id": 1}'
    assert (await adapter.poll()).rows == ()
    await adapter.close()


async def test_one_strange_row_spoils_the_poll(recorded: Recorded, replay: Replay) -> None:
    """A row that does not parse makes the whole list unknown; leaving it out would look like a removal."""
    rows = json.loads(recorded.list)["result"]
    rows[HASH]["total_wanted"] = "many"
    recorded.list = success(rows).body
    adapter = adapter_of(replay.url)
    with pytest.raises(ClientProtocolError, match="total_wanted"):
        await adapter.poll()
    await adapter.close()


async def test_a_wrong_password_is_tried_once(replay: Replay) -> None:
    """A refused password is not hammered: the next calls fail without asking, until half a minute has passed."""
    clock = Hurried()
    adapter = adapter_of(replay.url, WRONG_PASSWORD, clock)
    for _ in range(3):
        with pytest.raises(ClientAuthFailed) as refused:
            await adapter.poll()
        assert WRONG_PASSWORD not in str(refused.value)
    assert [call["method"] for call in replay.calls].count("auth.login") == 1
    clock.ahead = 31.0
    with pytest.raises(ClientAuthFailed):
        await adapter.poll()
    assert [call["method"] for call in replay.calls].count("auth.login") == 2
    await adapter.close()


async def test_no_password_says_so() -> None:
    """Without a password nothing is sent; the message says what to set."""
    adapter = adapter_of("http://127.0.0.1:9", None)
    with pytest.raises(ClientAuthFailed, match="no password is configured"):
        await adapter.poll()
    await adapter.close()


async def test_a_daemon_that_does_not_come_back_is_unavailable(recorded: Recorded, replay: Replay) -> None:
    """deluge-web up and deluged down: no list, an error that names deluged."""
    sound = recorded
    replay.answer = lambda call: success(None) if call["method"] == "web.connect" else sound(call)
    adapter = adapter_of(replay.url)
    with pytest.raises(ClientUnavailable, match="deluged"):
        await adapter.poll()
    await adapter.close()


async def test_a_category_without_the_plugin_is_unsupported(replay: Replay) -> None:
    """Refused before anything was added."""
    adapter = adapter_of(replay.url)
    new = NewDownload(magnet=f"magnet:?xt=urn:btih:{HASH}", category="tv")
    with pytest.raises(Problem) as refusal:
        await adapter.add(new)
    await adapter.close()
    assert (refusal.value.code, refusal.value.status) == ("unsupported", 501)
    assert not [call for call in replay.calls if "add" in call["method"]]
