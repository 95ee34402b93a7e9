"""qBittorrent's adapter over recorded replies of 4.5.2 and 5.1.0: every state, log-in, delta and strange answer."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from typing_extensions import override

from contract.adapter_suite import SAMPLES, WRONG_PASSWORD, Meaning, RecordedSuite
from sluice_client_poller.adapters.qbittorrent import wire
from sluice_client_poller.adapters.qbittorrent.client import QbittorrentAdapter
from sluice_client_poller.adapters.qbittorrent.mapping import to_download, to_files
from sluice_common.model.download import Download
from sluice_common.model.enums import Health, Reason, State
from support.recorded_qbittorrent import (
    API,
    MULTI,
    NEW,
    OLD,
    RecordedQbittorrent,
    adapter_of,
)
from support.replay import Replay

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
