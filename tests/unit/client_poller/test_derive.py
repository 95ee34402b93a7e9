"""Events of a committed transition: which, in what order, and with ids that repeat."""

from __future__ import annotations

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
    assert types(BASE, paused) == ["paused"]
    assert types(paused, BASE) == ["resumed"]
    assert types(BASE, changed(BASE, reason=Reason.STALLED)) == ["stalled"]
    assert types(SEEDING, changed(SEEDING, size=20)) == ["completed"]
    assert types(SEEDING, changed(SEEDING, done=5)) == []
    assert types(BASE, None) == ["removed"]
    assert types(BASE, changed(SEEDING, epoch="c2")) == ["removed", "added", "completed"]


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


def test_deriving_again_gives_the_same_events() -> None:
    """Whoever takes over announces what was announced already without doubling it."""
    transition = frame(Change(None, SEEDING), Change(BASE, None))
    assert derive(transition) == derive(transition)


def test_ids_of_a_lifecycle_do_not_depend_on_the_frame() -> None:
    """Added, removed and completed are once per epoch, and completed once per wanted bytes."""
    here = {e.type: e.id for e in derive(frame(Change(None, SEEDING)))}
    there = {e.type: e.id for e in derive(frame(Change(None, SEEDING), frame_id="g"))}
    assert here == there
    more = {e.type: e.id for e in derive(frame(Change(None, changed(SEEDING, size=11))))}
    assert more["download.completed"] != here["download.completed"]
    assert more["download.added"] == here["download.added"]
    started = [derive(frame(Change(None, BASE), frame_id=f))[1].id for f in ("f", "g")]
    assert started[0] != started[1]


def test_events_of_one_frame_keep_their_order_in_time() -> None:
    """A timeline sorted by time shows added before completed, though one poll saw both."""
    events = derive(frame(Change(None, SEEDING)))
    assert [e.type for e in sorted(events, key=lambda e: e.time)] == ["download.added", "download.completed"]
