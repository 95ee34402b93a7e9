"""What history lacks, given what it recorded and the row as it is now. Pure.

Only arrivals, completions and departures, and only where the folded state disagrees with the row: what happened in
between (paused, resumed, stalled) nobody can know any more. The ids are those of the poller's own events, so that a
late original is a duplicate.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

import msgspec

from sluice_common.contracts.events import DownloadData, about, lifecycle_id
from sluice_common.model.download import Download
from sluice_history.entry import RECONCILED, Entry, storable
from sluice_history.fold import ADDED, COMPLETED, REMOVED, Life, Recorded, family, open_lives

_TICK = timedelta(microseconds=1)


def missing(
    client: str, download_id: str, epochs: Mapping[str, Recorded], row: Download | None, polled_at: datetime
) -> Iterator[Entry]:
    """The entries to add for one download, oldest fact first; `row` is None when its client no longer has it.

    A departure is dated `polled_at` (aware, UTC), when it was noticed; the rest as the client dates it.
    """
    lives = open_lives(epochs)
    mine = family(row.epoch) if row is not None else None
    for name, life in lives.items():
        if name != mine:
            yield _left(client, download_id, life, polled_at)
    if row is not None and mine is not None:
        yield from _of_row(row, lives.get(mine), polled_at)


def _left(client: str, download_id: str, life: Life, polled_at: datetime) -> Entry:
    data = DownloadData(client=client, id=download_id, epoch=life.epoch, name=life.name)
    return _entry(REMOVED, data, lifecycle_id(REMOVED, client, download_id, life.epoch), polled_at)


def _of_row(row: Download, life: Life | None, polled_at: datetime) -> Iterator[Entry]:
    added_at = _believable(row.added_at, row.first_seen or polled_at)
    if life is None:
        yield _entry(ADDED, about(row), lifecycle_id(ADDED, row.client, row.id, row.epoch), added_at)
    if row.is_complete and (life is None or row.size not in life.completed):
        event_id = lifecycle_id(COMPLETED, row.client, row.id, row.epoch, row.size)
        completed_at = max(_believable(row.completed_at, polled_at), added_at + _TICK)
        yield _entry(COMPLETED, about(row), event_id, completed_at)


def _believable(told: datetime | None, known: datetime) -> datetime:
    """The client's own time unless it lies after what we know; a clock that is ahead must not reorder a timeline."""
    return told if told is not None and told <= known else known


def _entry(kind: str, data: DownloadData, event_id: str, time: datetime) -> Entry:
    return Entry(
        id=event_id,
        type=kind,
        client=data.client,
        download_id=storable(data.id),
        epoch=data.epoch,
        time=time,
        source=RECONCILED,
        data=storable(msgspec.to_builtins(data)),
    )
