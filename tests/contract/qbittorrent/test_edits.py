"""Edits as requests to qBittorrent, without one, and its adapter over answers that it gives to them."""

from __future__ import annotations

from typing import Any

import pytest

from contract.qbittorrent.edit_cases import EVERY, SECRET, SPELT, TRACKER
from sluice_client_poller.adapters.qbittorrent.edits import KINDS, Row, Seen
from sluice_client_poller.adapters.qbittorrent.wire import FileEntry
from sluice_common.kit.errors import Problem
from sluice_common.model.edits import (
    AddPeers,
    AnyEdit,
    ChooseFiles,
    EditTrackers,
    ForceStart,
    Move,
    Place,
    QueueMove,
    Rename,
    SetCategory,
    SetLimits,
    SetTags,
)
from support.recorded_qbittorrent import MULTI

FILES = tuple(FileEntry(name=f"{number}.mkv", size=1, priority=number) for number in (0, 1, 6))


def seen(files: tuple[FileEntry, ...] = FILES, trackers: frozenset[str] = frozenset(), **row: Any) -> Seen:
    """A torrent that is downloading, but for what is named."""
    told: dict[str, Any] = {"hash": MULTI, "name": "N", "state": "downloading", "save_path": "/d", "priority": 2}
    return Seen(row=Row(**(told | row)), files=files, trackers=trackers)


def asked(edit: AnyEdit, before: Seen) -> dict[str, dict[str, str]]:
    """What is sent for an edit: the fields by verb."""
    KINDS[type(edit)].check(edit)
    return {request.verb: request.fields for request in KINDS[type(edit)].requests(edit, before)}


def test_every_kind_is_in_the_table() -> None:
    """A kind that is added later must say what is sent for it."""
    assert set(KINDS) == {type(edit) for edit in EVERY} == set(AnyEdit.__args__)


@pytest.mark.parametrize(
    ("edit", "before", "sent"),
    [
        (ForceStart(), seen(), {"setForceStart": {"value": "true"}}),
        (ForceStart(on=False), seen(force_start=True), {"setForceStart": {"value": "false"}}),
        (ForceStart(on=False), seen(force_start=True, state="pausedDL"), {}),
        (ForceStart(on=False), seen(state="stoppedUP"), {}),
        (QueueMove(to=Place.TOP), seen(), {"topPrio": {}}),
        (QueueMove(to=Place.UP), seen(), {"increasePrio": {}}),
        (QueueMove(to=Place.DOWN), seen(), {"decreasePrio": {}}),
        (QueueMove(to=Place.BOTTOM), seen(), {"bottomPrio": {}}),
        (SetCategory(category=None), seen(), {"setCategory": {"category": ""}}),
        (SetTags(tags=("b", "c")), seen(tags="a, b"), {"addTags": {"tags": "c"}, "removeTags": {"tags": "a"}}),
        (SetTags(tags=()), seen(tags="a, b"), {"removeTags": {"tags": "a,b"}}),
        (SetTags(tags=()), seen(), {}),
        (SetLimits(upload=0), seen(), {"setUploadLimit": {"limit": "0"}}),
        (Rename(name=" a\r\nb "), seen(), {"rename": {"name": "a b"}}),
        (ChooseFiles(wanted=(0, 2)), seen(), {"filePrio": {"id": "0", "priority": "1"}}),
        (ChooseFiles(unwanted=(0, 2, 1)), seen(), {"filePrio": {"id": "1|2", "priority": "0"}}),
        (EditTrackers(add=(TRACKER, TRACKER)), seen(), {"addTrackers": {"urls": TRACKER}}),
        (EditTrackers(add=(TRACKER,)), seen(trackers=frozenset({TRACKER})), {}),
        (EditTrackers(remove=(TRACKER,)), seen(), {}),
        (EditTrackers(remove=(TRACKER,)), seen(trackers=frozenset({TRACKER})), {"removeTrackers": {"urls": TRACKER}}),
        (AddPeers(peers=("127.0.0.1:1", "[::1]:2")), seen(), {"addPeers": {"peers": "127.0.0.1:1|[::1]:2"}}),
    ],
)
def test_what_is_sent(edit: AnyEdit, before: Seen, sent: dict[str, dict[str, str]]) -> None:
    """Only what differs from what is there; a stopped one is not started, a higher priority stays."""
    assert asked(edit, before) == sent


def test_a_torrents_own_name_field() -> None:
    """Some calls name the torrent in `hash`, the others take several in `hashes`."""
    one = (Rename(name="x"), ChooseFiles(unwanted=(1,)), EditTrackers(add=(TRACKER,)))
    names = {type(edit): {request.name for request in KINDS[type(edit)].requests(edit, seen())} for edit in EVERY}
    assert {kind for kind, told in names.items() if told == {"hash"}} == {type(edit) for edit in one}


def test_a_removed_tracker_is_spelt_both_ways() -> None:
    """The newest versions decode what they are sent, and a bar separates URLs; older ones take it as it comes."""
    sent = asked(EditTrackers(remove=(SPELT,)), seen(trackers=frozenset({SPELT, TRACKER})))
    assert sent == {"removeTrackers": {"urls": f"{SPELT}|https://tracker.test/a%252Fb%7Cc/announce"}}


@pytest.mark.parametrize(
    ("edit", "ratio", "minutes"),
    [
        (SetLimits(ratio=1.5), "1.5", "90"),
        (SetLimits(ratio=0), "-1", "90"),
        (SetLimits(seeding_time=3600), "2.25", "60"),
        (SetLimits(seeding_time=3601), "2.25", "61"),
        (SetLimits(seeding_time=1), "2.25", "1"),
        (SetLimits(seeding_time=0), "2.25", "-1"),
    ],
)
def test_share_limits(edit: SetLimits, ratio: str, minutes: str) -> None:
    """All of them are sent, as newer versions want; what is left out stays, and a part of a minute counts as one."""
    before = seen(ratio_limit=2.25, seeding_time_limit=90, inactive_seeding_time_limit=7, share_limit_action="Remove")
    assert asked(edit, before) == {
        "setShareLimits": {
            "ratioLimit": ratio,
            "seedingTimeLimit": minutes,
            "inactiveSeedingTimeLimit": "7",
            "shareLimitAction": "Remove",
        }
    }


def test_share_limits_of_an_old_one() -> None:
    """A row without the newer limits means the client's own."""
    (fields,) = asked(SetLimits(ratio=1), seen()).values()
    assert (fields["seedingTimeLimit"], fields["inactiveSeedingTimeLimit"], fields["shareLimitAction"]) == (
        "-2",
        "-2",
        "Default",
    )


@pytest.mark.parametrize(
    ("edit", "before", "code"),
    [
        (QueueMove(to=Place.UP), seen(priority=0), "not_queued"),
        (SetTags(tags=("a,b",)), seen(), "tag_invalid"),
        (SetTags(tags=(" a",)), seen(), "tag_invalid"),
        (SetTags(tags=("",)), seen(), "tag_invalid"),
        (SetLimits(download=-1), seen(), "limit_invalid"),
        (SetLimits(ratio=float("nan")), seen(), "limit_invalid"),
        (SetLimits(ratio=float("inf")), seen(), "limit_invalid"),
        (Move(save_path="relative"), seen(), "save_path_invalid"),
        (Move(save_path=""), seen(), "save_path_invalid"),
        (Rename(name=" \n"), seen(), "name_invalid"),
        (ChooseFiles(wanted=(0, 3)), seen(), "file_unknown"),
        (ChooseFiles(wanted=(-1,)), seen(), "file_unknown"),
        (ChooseFiles(wanted=(0,), unwanted=(0,)), seen(), "file_twice"),
        (ChooseFiles(wanted=(0,)), seen(files=()), "files_unknown"),
        (EditTrackers(add=(TRACKER, f"tracker.test?{SECRET}")), seen(), "tracker_invalid"),
        (EditTrackers(add=(f"http://[?{SECRET}",)), seen(), "tracker_invalid"),
        (EditTrackers(add=(f"{TRACKER}\nhttp://another.test",)), seen(), "tracker_invalid"),
        (AddPeers(peers=()), seen(), "peer_invalid"),
        (AddPeers(peers=("127.0.0.1:1", "::1:2")), seen(), "peer_invalid"),
        (AddPeers(peers=("127.0.0.1:0",)), seen(), "peer_invalid"),
        (AddPeers(peers=("127.0.0.1:65536",)), seen(), "peer_invalid"),
        (AddPeers(peers=("1.2.3.400:1",)), seen(), "peer_invalid"),
        (AddPeers(peers=("peer.test:1",)), seen(), "peer_invalid"),
    ],
)
def test_what_is_not_sent(edit: AnyEdit, before: Seen, code: str) -> None:
    """qBittorrent would pass over it, or take a part; nothing is sent, and no refusal holds a pass key."""
    with pytest.raises(Problem) as refused:
        asked(edit, before)
    assert refused.value.code == code
    assert SECRET not in f"{refused.value} {refused.value.extra}"


@pytest.mark.parametrize(
    ("edit", "after", "is_done"),
    [
        (ForceStart(), seen(force_start=True, state="stalledDL"), False),
        (ForceStart(), seen(force_start=True, state="forcedDL"), True),
        (ForceStart(), seen(force_start=True, state="missingFiles"), True),
        (ForceStart(on=False), seen(force_start=False, state="forcedDL"), False),
        (ForceStart(on=False), seen(force_start=True, state="pausedDL"), True),
        (SetCategory(category="tv"), seen(), False),
        (SetTags(tags=("a",)), seen(tags="a, b"), False),
        (SetLimits(download=1024), seen(dl_limit=1023), False),
        (SetLimits(download=0, upload=0), seen(dl_limit=-1, up_limit=0), True),
        (SetLimits(ratio=10_000), seen(ratio_limit=9999), False),
        (SetLimits(ratio=0.333), seen(ratio_limit=0.33), True),
        (SetLimits(seeding_time=60), seen(seeding_time_limit=-2), False),
        (Move(save_path="/e/"), seen(save_path="/e"), True),
        (Move(save_path="/e"), seen(state="moving"), True),
        (Move(save_path="/e"), seen(), False),
        (Rename(name="N"), seen(), True),
        (ChooseFiles(wanted=(2,), unwanted=(0,)), seen(), True),
        (ChooseFiles(unwanted=(2,)), seen(), False),
        (EditTrackers(add=(SPELT,)), seen(trackers=frozenset({"https://tracker.test/a/b|c/announce"})), True),
        (EditTrackers(add=(TRACKER,)), seen(), False),
        (EditTrackers(remove=(TRACKER,)), seen(trackers=frozenset({TRACKER})), False),
    ],
)
def test_what_shows_that_it_was_done(edit: AnyEdit, after: Seen, is_done: bool) -> None:
    """Its answer does not: it says 200 and cuts off, passes over or does it later."""
    assert KINDS[type(edit)].is_done(edit, after) is is_done
