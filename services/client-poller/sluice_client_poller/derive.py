"""Events of a committed transition. Pure and repeatable: whoever derives a frame again gets the same events and ids."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import msgspec

from sluice_client_poller.settle import is_paused
from sluice_common.contracts.events import DownloadData, Event, about, event_id, lifecycle_id, make
from sluice_common.contracts.frames import Applied, Change
from sluice_common.model.download import Download
from sluice_common.model.enums import IntentKind, Reason, State

SOURCE = "client-poller"
_NOT_STARTED = (State.QUEUED, State.FETCHING_METADATA)


def derive(applied: Applied) -> list[Event]:
    """The events of frame n−1 → n, in order; none for a keyframe.

    Their time is the poll's, a microsecond apart so that a timeline keeps their order.
    """
    facts = [fact for change in applied.changes for fact in _facts(change)]
    return [
        _event(applied, kind, row, applied.polled_at + timedelta(microseconds=index))
        for index, (kind, row) in enumerate(facts)
    ]


def _facts(change: Change) -> Iterator[tuple[str, Download]]:
    before, after = change.before, change.after
    if before is not None and (after is None or after.epoch != before.epoch):
        yield _departure(before), before
    if after is None:
        return
    if before is None or before.epoch != after.epoch:
        yield from _arrival(after)
    else:
        yield from _steps(before, after)


def _departure(row: Download) -> str:
    intent = row.intent
    cancelled = intent is not None and intent.accepted and intent.kind == IntentKind.CANCEL
    return "download.cancelled" if cancelled else "download.removed"


def _arrival(row: Download) -> Iterator[tuple[str, Download]]:
    yield "download.added", row
    if row.state == State.DOWNLOADING:
        yield "download.started", row
    if row.is_complete:
        yield "download.completed", row


def _steps(before: Download, after: Download) -> Iterator[tuple[str, Download]]:
    if is_paused(before) is not is_paused(after):
        yield "download.paused" if is_paused(after) else "download.resumed", after
    elif before.state in _NOT_STARTED and after.state == State.DOWNLOADING:
        yield "download.started", after
    if after.reason == Reason.STALLED and before.reason != Reason.STALLED:
        yield "download.stalled", after
    # More files may be chosen after completion: other wanted bytes complete once more.
    if after.is_complete and (not before.is_complete or after.size != before.size):
        yield "download.completed", after


def _event(applied: Applied, kind: str, row: Download, time: datetime) -> Event:
    return make(_id(applied, kind, row), kind, SOURCE, time, _data(kind, row))


def _id(applied: Applied, kind: str, row: Download) -> str:
    if kind in ("download.added", "download.removed", "download.cancelled"):
        return lifecycle_id(kind, row.client, row.id, row.epoch)
    if kind == "download.completed":
        return lifecycle_id(kind, row.client, row.id, row.epoch, row.size)
    return event_id(applied.frame_id, row.id, kind)


def _data(kind: str, row: Download) -> DownloadData:
    leaving = kind in ("download.removed", "download.cancelled")
    intent = row.intent if leaving and row.intent is not None and row.intent.accepted else None
    return msgspec.structs.replace(
        about(row),
        reason=intent.kind.value if intent else (row.reason.value if row.reason else None),
        message=row.message,
        actor=intent.actor if intent else None,
        request_id=intent.request_id if intent else None,
        with_data=intent.with_data if intent else None,
    )
