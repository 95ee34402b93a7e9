"""Deluge's rows, words and requests as values: what its recorded replies do not show."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice_client_poller.adapters.deluge import wire
from sluice_client_poller.adapters.deluge.epochs import Epochs
from sluice_client_poller.adapters.deluge.mapping import is_complete, to_download, to_files
from sluice_client_poller.adapters.registry import FACTORIES
from sluice_client_poller.adapters.words import scrub
from sluice_common.kit.errors import ClientProtocolError
from sluice_common.kit.settings import ClientSettings
from sluice_common.model.download import Download
from sluice_common.model.enums import Health, Reason, State

HASH = "ab" * 20


def row(**changes: Any) -> wire.Row:
    """A finished, seeding torrent with these fields changed."""
    values: dict[str, Any] = {
        "name": "Show",
        "state": "Seeding",
        "is_finished": True,
        "time_added": 1_700_000_000,
        "total_wanted": 100,
        "total_remaining": 0,
        "save_path": "/downloads",
        "num_files": 2,
        "total_size": 120,
        "total_done": 100,
        "message": "OK",
    }
    return wire.Row(**(values | changes))


def download(**changes: Any) -> Download:
    """That torrent as a Download."""
    return to_download("deluge", HASH, row(**changes))


@pytest.mark.parametrize(
    ("changes", "complete"),
    [
        ({}, True),
        ({"state": "Paused"}, True),
        ({"state": "Queued"}, True),
        ({"is_finished": False}, False),
        ({"state": "Downloading"}, False),
        ({"state": "Moving"}, False),
        ({"state": "Checking"}, False),
        ({"state": "Error"}, False),
        ({"state": "Allocating"}, False),
        ({"state": "SomethingNew"}, False),
        ({"total_wanted": 0}, False),
        ({"total_remaining": 1}, False),
    ],
)
def test_complete_needs_every_condition(changes: dict[str, Any], complete: bool) -> None:
    """Finished, at rest, of a known size, nothing remaining: each one alone withholds completion."""
    assert is_complete(row(**changes)) is complete


def test_a_tracker_warning_does_not_hide_completion() -> None:
    """A finished download whose tracker is down is finished, and warned about."""
    seen = download(tracker_status="Error: no route to host")
    assert (seen.is_complete, seen.health, seen.reason) == (True, Health.WARNING, Reason.TRACKER_ERROR)


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ("No space left on device", Reason.DISK_FULL),
        ("Permission denied", Reason.PERMISSION),
        ("Read-only file system", Reason.PERMISSION),
        ("Missing or invalid torrent data!", Reason.MISSING_FILES),
        ("Unable to locate Download Folder!", Reason.MISSING_FILES),
        ("Failed to move download folder: No such file or directory", Reason.MISSING_FILES),
        ("Problem with resume data: mismatching info-hash", Reason.CLIENT_ERROR),
        ("", Reason.CLIENT_ERROR),
    ],
)
def test_the_error_state_has_a_reason(message: str, reason: Reason) -> None:
    """Deluge's words become a stable code, and stay readable."""
    seen = download(state="Error", message=message)
    assert (seen.health, seen.reason, seen.message, seen.state) == (
        Health.ERROR,
        reason,
        message or None,
        State.PAUSED,
    )


def test_announce_addresses_never_leave() -> None:
    """Pass keys in a tracker's words, an error or a magnet are cut down to the host."""
    seen = download(tracker_status="Warning: https://user:pw@tracker.test:8443/abcdef123/announce?key=1 is slow")
    assert seen.message == "Warning: tracker.test is slow"
    assert scrub("magnet:?xt=urn:btih:00&tr=http://t/secret no") == "magnet:… no"
    failure = "[Failure instance: <class 'deluge.error.AddTorrentError'>: bad magnet: magnet:?tr=http://t/key\nmore]"
    assert wire.explain(failure) == ("AddTorrentError", "bad magnet: magnet:…")


def test_a_hybrid_that_deluge_lost_is_an_error() -> None:
    """Everything is here and Deluge never notices: somebody has to be told."""
    lost = {"state": "Downloading", "is_finished": False, "num_files": 0, "total_size": 0}
    assert download(**lost, seeding_time=59).health is Health.OK
    seen = download(**lost, seeding_time=60)
    assert (seen.health, seen.reason, seen.is_complete) == (Health.ERROR, Reason.CLIENT_ERROR, False)


def test_unknown_is_none() -> None:
    """No magic number of Deluge's gets through."""
    seen = download(
        is_finished=False, eta=-1, ratio=-1.0, num_seeds=-1, num_peers=-1, tracker_host="DHT", label="",
        time_added=0, completed_time=-1, seeding_time=-1, save_path="",
    )  # fmt: skip
    assert (seen.eta, seen.ratio, seen.seeds, seen.peers, seen.tracker, seen.category) == (None,) * 6
    assert (seen.added_at, seen.completed_at, seen.seeding_time, seen.save_path, seen.content_path) == (None,) * 5
    assert seen.epoch == ""
    assert download(is_finished=False, eta=5).eta == 5
    assert download(eta=5).eta is None
    assert download(time_added=1e18).added_at is None


def test_a_state_that_is_new_to_us_is_kept() -> None:
    """A newer Deluge's word is shown and counts as unknown."""
    seen = download(state="Hibernating").state
    assert (str(seen), seen.is_known) == ("Hibernating", False)


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "/etc", "nul\0"])
def test_a_name_that_is_no_file_name_has_no_content_path(name: str) -> None:
    """A path is never made of a name that leads elsewhere."""
    assert download(name=name).content_path is None
    assert download(save_path="/downloads/").content_path == "/downloads/Show"


def test_files_without_padding() -> None:
    """BEP 47's padding is in the list and not on the disk; a real file in a `.pad` folder stays."""
    listed = wire.Files(
        files=(
            wire.FileEntry(0, "Show/a.mkv", 100),
            wire.FileEntry(1, "Show/.pad/28", 28),
            wire.FileEntry(2, "Show/.pad/notes.txt", 5),
            wire.FileEntry(3, "Show\\b.srt", 10),
        ),
        file_progress=(1.0, 0.0, 0.5),
        file_priorities=(4, 4, 0),
    )
    files = to_files(listed)
    assert [(file.index, file.path, file.done, file.wanted) for file in files] == [
        (0, "Show/a.mkv", 100, True),
        (2, "Show/.pad/notes.txt", 2, False),
        (3, "Show/b.srt", 0, True),
    ]
    assert to_files(wire.Files(files=())) == ()


def test_epochs_survive_a_crash_of_the_daemon() -> None:
    """A time that changed over a restart is the same torrent; one that changed while it ran is another."""
    epochs = Epochs()
    assert epochs.known(download(time_added=100)).epoch == "c100"
    (first,) = epochs.settle([download(time_added=100)], restarted=True)
    (crashed,) = epochs.settle([download(time_added=200)], restarted=True)
    (later,) = epochs.settle([download(time_added=200)], restarted=False)
    assert (first.epoch, crashed.epoch, later.epoch) == ("c100", "c100", "c100")
    assert epochs.known(download(time_added=200)).epoch == "c100"
    assert epochs.known(download(time_added=300)).epoch == "c300"
    (again,) = epochs.settle([download(time_added=300)], restarted=False)
    assert again.epoch == "c300"


def test_epochs_forget_what_is_gone_but_not_what_is_late() -> None:
    """A restarted daemon may list it later; a running one that does not list it no longer has it."""
    epochs = Epochs()
    epochs.settle([download(time_added=100)], restarted=False)
    epochs.settle([], restarted=True)
    assert epochs.settle([download(time_added=200)], restarted=True)[0].epoch == "c100"
    epochs.settle([], restarted=False)
    assert epochs.settle([download(time_added=300)], restarted=True)[0].epoch == "c300"


def test_session_cookie() -> None:
    """The session's cookie among others, without its attributes."""
    headers = ["other=1; Path=/", "_session_id=abc42; Expires=Fri, 20 Nov 1970 18:52:01 GMT; Path=/json"]
    assert wire.session_cookie(headers) == "_session_id=abc42"
    assert wire.session_cookie(["_session_id=; Path=/"]) is None
    assert wire.session_cookie([]) is None


@given(st.binary(max_size=60), st.sampled_from([200, 204, 301, 400, 404, 500]))
def test_no_reply_ends_in_another_error(body: bytes, status: int) -> None:
    """Whatever comes back is a result or a ClientError."""
    try:
        assert isinstance(wire.parse_reply("m", status, "text/html", body), msgspec.Raw)
    except ClientProtocolError:
        assert not body.startswith(b'{"result"')


def test_a_deeply_nested_reply_is_an_error() -> None:
    """A reply that would exhaust the stack is refused like any other shape."""
    with pytest.raises(ClientProtocolError):
        wire.parse("m", msgspec.Raw(b'{"files":' + b"[" * 100_000 + b"]" * 100_000 + b"}"), wire.Files)


def test_every_configurable_kind_has_an_adapter() -> None:
    """The registry is the only list of kinds: what the configuration takes, it makes."""
    kinds = ClientSettings.model_json_schema()["properties"]["type"]
    assert set(FACTORIES) == set(kinds.get("enum", [kinds.get("const")]))
