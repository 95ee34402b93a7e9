"""Deluge's rows as `Download`s and `RemoteFile`s. Pure; CLIENTS' facts about Deluge live here and nowhere else."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TypeVar

from sluice_client_poller.adapters.deluge.wire import Files, Row
from sluice_client_poller.adapters.padding import is_padding
from sluice_client_poller.adapters.words import scrub
from sluice_common.model.download import Download, RemoteFile
from sluice_common.model.enums import Health, Reason, State

T = TypeVar("T")

_STATES = {
    "Allocating": State.QUEUED,
    "Checking": State.CHECKING,
    "Downloading": State.DOWNLOADING,
    "Error": State.PAUSED,  # an errored torrent is paused by the daemon; what is wrong is its health
    "Moving": State.MOVING,
    "Paused": State.PAUSED,
    "Queued": State.QUEUED,
    "Seeding": State.SEEDING,
}
# While it moves across file systems Deluge says Downloading at 100 %, then Moving, and only then is it finished.
_AT_REST = frozenset({"Seeding", "Paused", "Queued"})
_FAULTS = (
    (Reason.DISK_FULL, re.compile(r"no space left|disk full|not enough (free )?space|quota exceeded", re.IGNORECASE)),
    (Reason.PERMISSION, re.compile(r"permission denied|access is denied|read-only|not permitted", re.IGNORECASE)),
    (
        Reason.MISSING_FILES,
        re.compile(r"missing or invalid torrent data|unable to locate|no such file|missing|not found", re.IGNORECASE),
    ),
)
_LOST_SECONDS = 60
_LOST = "Deluge has lost track of this hybrid torrent (v1 and v2); remove it and add its .torrent instead of the magnet"
_LAST_TIME = datetime(9999, 1, 1, tzinfo=UTC).timestamp()


def to_download(client: str, torrent_id: str, row: Row) -> Download:
    """One row of the queue. `content_path` is the folder or the single file that `name` is on the client's disk."""
    known = bool(row.num_files) or row.total_wanted > 0
    complete = is_complete(row)
    health, reason, message = _health(row)
    return Download(
        client=client,
        id=torrent_id.lower(),
        epoch=f"c{int(row.time_added)}" if row.time_added > 0 else "",
        name=row.name,
        state=_state(row, known=known),
        health=health,
        reason=reason,
        message=message,
        is_complete=complete,
        size=row.total_wanted if known else None,
        total_size=row.total_size if row.num_files else None,
        done=row.total_done if known else None,
        down_speed=_count(row.download_payload_rate),
        up_speed=_count(row.upload_payload_rate),
        eta=_eta(row),
        ratio=row.ratio if row.ratio is not None and row.ratio >= 0 else None,
        seeding_time=_count(row.seeding_time),
        seeds=_count(row.num_seeds),
        peers=_count(row.num_peers),
        category=row.label or None,
        tracker=row.tracker_host if row.tracker_host not in ("", "DHT") else None,
        private=row.private if row.num_files else None,
        save_path=row.save_path or None,
        content_path=_content_path(row) if row.num_files else None,
        added_at=_time(row.time_added),
        completed_at=_time(row.completed_time) if complete else None,
        forced=row.auto_managed is False,  # the daemon's queue does not concern it; a pause leaves this as it is
    )


def is_complete(row: Row) -> bool:
    """Every wanted byte verified and at its final path: finished, at rest, of a known size, and nothing remaining.

    `is_finished` alone is true for up to a second while the state still says Downloading, and stays true for a
    moment after more files were chosen.
    """
    return row.is_finished and row.state in _AT_REST and row.total_wanted > 0 and row.total_remaining <= 0


def to_files(listed: Files) -> tuple[RemoteFile, ...]:
    """The files that are on disk: padding, which no client writes, is left out."""
    rows = zip(
        listed.files,
        _filled(listed.file_progress, len(listed.files), 0.0),
        _filled(listed.file_priorities, len(listed.files), 1),
        strict=True,
    )
    return tuple(
        RemoteFile(
            index=entry.index,
            path=entry.path.replace("\\", "/"),
            size=entry.size,
            done=min(entry.size, int(progress * entry.size)),
            wanted=priority > 0,
        )
        for entry, progress, priority in rows
        if not is_padding(entry.path.replace("\\", "/"), entry.size)
    )


def _filled(values: tuple[T, ...], length: int, missing: T) -> tuple[T, ...]:
    return (*values[:length], *([missing] * (length - len(values))))


def _state(row: Row, *, known: bool) -> State:
    if row.state == "Downloading" and not known:
        return State.FETCHING_METADATA
    return _STATES.get(row.state) or State(row.state)


def _health(row: Row) -> tuple[Health, Reason | None, str | None]:
    if row.state == "Error":
        message = scrub(row.message or "")
        found = (reason for reason, words in _FAULTS if words.search(message))
        return Health.ERROR, next(found, Reason.CLIENT_ERROR), message or None
    if _is_lost(row):
        return Health.ERROR, Reason.CLIENT_ERROR, _LOST
    if (row.tracker_status or "").startswith(("Error", "Warning")):
        return Health.WARNING, Reason.TRACKER_ERROR, scrub(row.tracker_status or "")
    return Health.OK, None, None


def _is_lost(row: Row) -> bool:
    """Downloaded, and for a minute still without files: Deluge lost it when the magnet turned out to be a hybrid.

    libtorrent then names it by its v2 hash, Deluge still by its v1 hash, and every event misses (seen with 2.2.0).
    """
    downloaded = row.total_wanted > 0 and row.total_remaining <= 0
    return downloaded and not row.num_files and not row.is_finished and (row.seeding_time or 0) >= _LOST_SECONDS


def _eta(row: Row) -> int | None:
    """0 and -1 are unknown, and for a seed it is the time to its ratio, which is not the download's."""
    return _count(row.eta) or None if not row.is_finished else None


def _count(value: float | None) -> int | None:
    return int(value) if value is not None and value >= 0 else None


def _time(value: float | None) -> datetime | None:
    return datetime.fromtimestamp(int(value), UTC) if value is not None and 0 < value < _LAST_TIME else None


def _content_path(row: Row) -> str | None:
    """Deluge's name is the first path part of its first file, unless a person set another one."""
    if not row.save_path or row.name in ("", ".", "..") or "/" in row.name or "\0" in row.name:
        return None
    return f"{row.save_path.rstrip('/')}/{row.name}"
