"""Transmission's adapter over recorded replies of 3.00 and 4.1: the suite of every adapter, states, rows, files."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from typing_extensions import override

from contract.adapter_suite import WRONG_PASSWORD, Meaning, RecordedSuite
from sluice_client_poller.adapters.transmission import wire
from sluice_client_poller.adapters.transmission.client import TransmissionAdapter
from sluice_client_poller.adapters.transmission.mapping import to_download, to_files
from sluice_common.kit.errors import ClientProtocolError
from sluice_common.model.download import Download
from sluice_common.model.enums import Health, Reason, State
from support.recorded_transmission import MULTI, NEW, OLD, Recorded, adapter_of, arguments, sample
from support.replay import Replay

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


def row_of(folder: str, name: str) -> wire.Row:
    """The only row of a recorded torrent-get."""
    raw = wire.parse_reply("torrent-get", 200, {}, sample(folder, name))
    (line,) = wire.parse("torrent-get", raw, wire.Torrents).torrents
    return wire.parse_row(None, line)


def download(folder: str, name: str) -> Download:
    """A recorded row as a Download, as it was seen a few seconds after it had been added."""
    row = row_of(folder, name)
    return to_download("transmission", row, {"tv"})


class TestTransmissionRecorded(RecordedSuite):
    """The suite of every adapter, for Transmission."""

    CLIENT = "transmission"
    RECORDED = STATES
    poll_method = "torrent-get"

    @override
    @pytest.fixture(params=[OLD, NEW])
    def healthy(self, request: pytest.FixtureRequest) -> Iterator[Replay]:
        """A recorded client of each version that answers everything a poll asks."""
        with Replay(Recorded(request.param)) as running:
            yield running

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


def test_a_hybrids_padding_is_left_out() -> None:
    """4.1 lists it among the files, which keep the client's own numbers."""
    (line,) = wire.parse(
        "torrent-get", wire.parse_reply("torrent-get", 200, {}, sample(NEW, "files__hybrid.json")), wire.Torrents
    ).torrents
    files = to_files(wire.parse("torrent-get", line, wire.Files))
    assert [(file.index, file.path, file.size) for file in files] == [
        (0, "Hybrid/a.mkv", 50_000),
        (2, "Hybrid/b.srt", 700),
    ]


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
