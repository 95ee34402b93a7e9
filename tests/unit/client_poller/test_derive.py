"""Events of a committed transition: which, in what order, and with ids that repeat."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

import msgspec

from sluice_client_poller.derive import derive
from sluice_common.contracts.events import DownloadData
from sluice_common.contracts.frames import Applied, Change, FrameKind
from sluice_common.model.download import Download, Intent
from sluice_common.model.enums import IntentKind, Reason, State

NOW = datetime(2026, 1, 1, tzinfo=UTC)
BASE = Download(client="c", id="a", epoch="c1", name="n", state=State.DOWNLOADING, size=10)
SEEDING = msgspec.structs.replace(BASE, state=State.SEEDING, is_complete=True)


def frame(*changes: Change, frame_id: str = "f") -> Applied:
    return Applied(
        incarnation="i", frame_id=frame_id, number=2, kind=FrameKind.DELTA, sequence=9, polled_at=NOW, changes=changes
    )


def types(before: Download | None, after: Download | None) -> list[str]:
    return [event.type.removeprefix("download.") for event in derive(frame(Change(before, after)))]


def changed(row: Download, **changes: object) -> Download:
    return msgspec.structs.replace(row, **changes)


def test_each_step_has_its_events() -> None:
    """The table of steps, in full."""
    queued, paused = changed(BASE, state=State.QUEUED), changed(BASE, state=State.PAUSED)
    assert types(None, queued) == ["added"]
    assert types(None, BASE) == ["added", "started"]
    assert types(None, SEEDING) == ["added", "completed"]
    assert types(queued, BASE) == ["started"]
    assert types(BASE, SEEDING) == ["completed"]
    assert types(queued, changed(queued, state=State.CHECKING)) == []
    assert types(changed(BASE, state=State.CHECKING), BASE) == []
    assert types(BASE, paused) == ["paused"]
    assert types(paused, BASE) == ["resumed"]
    assert types(BASE, changed(BASE, reason=Reason.STALLED)) == ["stalled"]
    assert types(SEEDING, changed(SEEDING, size=20)) == ["completed"]
    assert types(SEEDING, changed(SEEDING, done=5)) == []
    assert types(BASE, None) == ["removed"]
    assert types(BASE, changed(SEEDING, epoch="c2")) == ["removed", "added", "completed"]


def test_what_is_moved_or_checked_is_not_resumed() -> None:
    """A pause ends where it transfers again, or waits to; the states in between carry it, and tell neither."""
    paused = changed(BASE, state=State.PAUSED)
    for between in (State.MOVING, State.CHECKING, State.UNKNOWN):
        still = changed(BASE, state=between, was_paused=True)
        assert types(paused, still) == []
        assert types(still, paused) == []
        assert types(still, BASE) == ["resumed"]
        assert types(BASE, changed(BASE, state=between)) == []
        assert types(changed(BASE, state=between), paused) == ["paused"]


def test_only_an_accepted_cancel_is_cancelled() -> None:
    """A row that went before the client took our remove went by itself."""
    intent = Intent(IntentKind.CANCEL, "me", "r1", NOW, True)
    assert types(changed(BASE, intent=intent), None) == ["removed"]
    accepted = msgspec.structs.replace(intent, accepted=True)
    (event,) = derive(frame(Change(changed(BASE, intent=accepted), None)))
    assert event.type == "download.cancelled"
    data = event.read(DownloadData)
    assert (data.actor, data.request_id, data.with_data, data.reason) == ("me", "r1", True, "cancel")
    retry = msgspec.structs.replace(accepted, kind=IntentKind.RETRY)
    (event,) = derive(frame(Change(changed(BASE, intent=retry), None)))
    assert (event.type, event.read(DownloadData).reason) == ("download.removed", "retry")


def test_only_what_was_asked_for_and_happened_names_who_asked() -> None:
    """Neither a remove that the client never took, nor one that is still to come when something else happens."""
    intent = Intent(IntentKind.CANCEL, "me", "r1", NOW, True)
    accepted = msgspec.structs.replace(intent, accepted=True)
    paused = changed(BASE, state=State.PAUSED, intent=accepted)
    for before, after in ((changed(BASE, intent=intent), None), (changed(BASE, intent=accepted), paused)):
        (event,) = derive(frame(Change(before, after)))
        data = event.read(DownloadData)
        assert (data.actor, data.request_id, data.with_data, data.reason) == (None, None, None, None)


def test_an_event_says_who_says_it_and_why() -> None:
    """The reason and the client's own words are the row's."""
    ill = changed(BASE, reason=Reason.STALLED, message="no seeds")
    (event,) = derive(frame(Change(BASE, ill)))
    data = event.read(DownloadData)
    assert (event.source, event.subject) == ("/sluice/client-poller", "c/a")
    assert (data.reason, data.message) == ("stalled", "no seeds")


def test_deriving_again_gives_the_same_events() -> None:
    """Whoever takes over announces what was announced already without doubling it."""
    transition = frame(Change(None, SEEDING), Change(BASE, None))
    assert derive(transition) == derive(transition)


CANCEL = Intent(IntentKind.CANCEL, "me", "r1", NOW, True, accepted=True)
LIFECYCLE = (
    Change(None, SEEDING),
    Change(BASE, None),
    Change(changed(BASE, intent=CANCEL), None),
)


def ids(change: Change, frame_id: str = "f") -> dict[str, str]:
    """The ids of the change's events by their types."""
    return {event.type.removeprefix("download."): event.id for event in derive(frame(change, frame_id=frame_id))}


def test_ids_of_a_lifecycle_do_not_depend_on_the_frame() -> None:
    """Added, removed, cancelled and completed are once per epoch, and completed once per wanted bytes."""
    for change in LIFECYCLE:
        assert ids(change) == ids(change, frame_id="g")
    wanted, more = ids(Change(None, SEEDING)), ids(Change(None, changed(SEEDING, size=11)))
    assert more["completed"] != wanted["completed"]
    assert more["added"] == wanted["added"]


def test_ids_of_steps_are_the_frames() -> None:
    """A download that pauses ten times is paused ten times."""
    started = [ids(Change(None, BASE), frame_id=frame_id)["started"] for frame_id in ("f", "g")]
    assert started[0] != started[1]


def test_no_two_facts_share_an_id() -> None:
    """Two clients, two downloads, two epochs, two kinds: whoever drops what it knows already drops none of them."""
    others: tuple[dict[str, str], ...] = ({}, {"client": "c2"}, {"id": "a2"}, {"epoch": "c2"})
    rows = [changed(row, **other) for other in others for row in (BASE, SEEDING, changed(BASE, intent=CANCEL))]
    arrivals = [ids(Change(None, row)) for row in rows if row.intent is None]
    departures = [ids(Change(row, None)) for row in rows if not row.is_complete]
    stalls = [ids(Change(BASE, changed(BASE, id=name, reason=Reason.STALLED))) for name in ("a", "a2")]
    pauses = [ids(Change(BASE, changed(BASE, state=State.PAUSED)))]
    facts = {(kind, told) for found in (*arrivals, *departures, *stalls, *pauses) for kind, told in found.items()}
    assert len({told for _, told in facts}) == len(facts)
    # A step's id is the frame's, which is one client's and has one epoch of a row.
    lifecycle = dict.fromkeys(("added", "completed", "removed", "cancelled"), 4)
    assert Counter(kind for kind, _ in facts) == lifecycle | {"started": 2, "stalled": 2, "paused": 1}


def test_ids_are_those_of_the_version_before() -> None:
    """Who takes over after an upgrade announces again, and nobody may take that for news: never change these."""
    assert ids(Change(None, BASE)) | ids(Change(None, SEEDING)) == {
        "added": "45e401d2b6a2f459a7c708e91ce8c35b",
        "started": "65f69acb918550768456081880a4ee3c",
        "completed": "d760df6c0eafa557f566969570f77f08",
    }
    assert ids(LIFECYCLE[1]) | ids(LIFECYCLE[2]) == {
        "removed": "5acb3829b6604cfc61600d46a277aa0c",
        "cancelled": "1501d7ed73e33f7a116e3bb7d88149fe",
    }


def test_events_of_one_frame_keep_their_order_in_time() -> None:
    """A timeline sorted by time shows added before completed, though one poll saw both."""
    events = derive(frame(Change(None, SEEDING)))
    assert [e.type for e in sorted(events, key=lambda e: e.time)] == ["download.added", "download.completed"]
