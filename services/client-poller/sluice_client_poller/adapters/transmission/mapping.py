"""Transmission's rows as `Download`s and `RemoteFile`s. Pure; what is known of Transmission's states lives here.

Labels: the category is the first label that has an owner in the configuration, else the first; the others are tags.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import UTC, datetime
from itertools import zip_longest

from sluice_client_poller.adapters.padding import is_padding
from sluice_client_poller.adapters.transmission.wire import Files, FileStat, Row
from sluice_client_poller.adapters.words import hosts, scrub
from sluice_common.model.download import Download, RemoteFile
from sluice_common.model.enums import Health, Reason, State

STOPPED, CHECK_WAIT, CHECK, DOWNLOAD_WAIT, DOWNLOAD, SEED_WAIT, SEED = range(7)
_STATES = {
    STOPPED: State.PAUSED,
    CHECK_WAIT: State.CHECKING,
    CHECK: State.CHECKING,
    DOWNLOAD_WAIT: State.QUEUED,
    DOWNLOAD: State.DOWNLOADING,
    SEED_WAIT: State.QUEUED,
    SEED: State.SEEDING,
}
TRACKER_WARNING, TRACKER_ERROR, LOCAL_ERROR = 1, 2, 3
_FAULTS = (
    (Reason.DISK_FULL, re.compile(r"no space left|disk full|not enough (free )?space|quota exceeded", re.IGNORECASE)),
    (Reason.PERMISSION, re.compile(r"permission denied|access is denied|read-only|not permitted", re.IGNORECASE)),
    (Reason.MISSING_FILES, re.compile(r"no data (was )?found|no such file|not found|missing", re.IGNORECASE)),
)
_LAST_TIME = int(datetime(9999, 1, 1, tzinfo=UTC).timestamp())
_UNSAFE = re.compile(r"[\x00-\x1f/]")


def to_download(client: str, row: Row, owned: Collection[str] = ()) -> Download:
    """One row of the queue. `owned` are the labels that have an owner."""
    known = row.metadata_percent_complete >= 1
    complete = is_complete(row)
    health, reason, message = _health(row)
    category, tags = split_labels(row.labels, owned)
    return Download(
        client=client,
        id=row.hash_string.lower(),
        epoch=f"c{row.added_date}" if row.added_date > 0 else "",
        name=row.name,
        state=_state(row, known=known),
        health=health,
        reason=reason,
        message=message,
        is_complete=complete,
        size=row.size_when_done if known else None,
        total_size=row.total_size if known else None,
        done=max(0, row.size_when_done - row.left_until_done) if known else None,
        down_speed=_rate(row.rate_download) if row.status == DOWNLOAD else 0,
        up_speed=_rate(row.rate_upload) if row.status in (DOWNLOAD, SEED) else 0,
        eta=row.eta if row.status == DOWNLOAD and known and row.left_until_done > 0 and row.eta >= 0 else None,
        ratio=row.upload_ratio if row.upload_ratio >= 0 else None,
        seeding_time=max(0, row.seconds_seeding),
        peers=max(0, row.peers_connected),
        category=category,
        tags=tags,
        tracker=_tracker(row),
        private=row.is_private if known else None,
        save_path=row.download_dir or None,
        content_path=_content_path(row) if known else None,
        added_at=_time(row.added_date),
        completed_at=_time(row.done_date) if complete else None,
    )


def is_complete(row: Row) -> bool:
    """Every wanted byte verified and at its final path.

    A local error ("No data found!") takes that back, although 3.00 goes on saying percentDone 1.
    """
    return (
        row.percent_done >= 1
        and row.left_until_done <= 0
        and row.size_when_done > 0
        and row.metadata_percent_complete >= 1
        and row.error != LOCAL_ERROR
        and _is_at_rest(row)
    )


def _is_at_rest(row: Row) -> bool:
    """Whether Transmission itself has noticed that it is done, and so has moved the data to its final folder.

    It says that by its status; what is stopped says it by a doneDate, which data that was there already never gets
    (seen with 3.00), and of that nothing was ever downloaded.
    """
    if row.status == STOPPED:
        return row.done_date > 0 or row.downloaded_ever == 0
    return row.status in (SEED_WAIT, SEED)


def to_files(listed: Files) -> tuple[RemoteFile, ...]:
    """The client's files that are somebody's: one of no bytes is listed and never written (seen with 3.00).

    A hybrid's padding is downloaded, written and listed like a file (seen with 4.1.0-beta.2), and is none. While a file
    is not complete its name on the disk may end in `.part`.
    """
    pairs = zip_longest(listed.files, listed.file_stats[: len(listed.files)], fillvalue=None)
    return tuple(
        RemoteFile(
            index=index,
            path=entry.name,
            size=entry.length,
            done=min(entry.length, entry.bytes_completed),
            wanted=(stat or FileStat()).wanted,
        )
        for index, (entry, stat) in enumerate(pairs)
        if entry is not None and entry.length > 0 and not is_padding(entry.name, entry.length)
    )


def _state(row: Row, *, known: bool) -> State:
    if row.status in (DOWNLOAD, DOWNLOAD_WAIT, SEED) and not known:
        return State.FETCHING_METADATA
    return _STATES.get(row.status) or State(f"status_{row.status}")


def _health(row: Row) -> tuple[Health, Reason | None, str | None]:
    message = scrub(row.error_string)
    if row.error == LOCAL_ERROR:
        found = (reason for reason, words in _FAULTS if words.search(message))
        return Health.ERROR, next(found, Reason.CLIENT_ERROR), message or None
    if row.error in (TRACKER_WARNING, TRACKER_ERROR):
        return Health.WARNING, Reason.TRACKER_ERROR, message or None
    return Health.OK, None, None


def split_labels(told: Collection[str] | int, owned: Collection[str]) -> tuple[str | None, tuple[str, ...]]:
    """The category and the tags that labels are; versions that have none tell a number."""
    labels = () if isinstance(told, int) else tuple(label for label in told if label)
    if not labels:
        return None, ()
    category = next((label for label in labels if label in owned), labels[0])
    return category, tuple(label for label in labels if label != category)


def _tracker(row: Row) -> str | None:
    return next(iter(hosts(tracker.announce for tracker in row.trackers)), None)


def _rate(value: int) -> int:
    return max(0, value)


def _time(value: int) -> datetime | None:
    return datetime.fromtimestamp(value, UTC) if 0 < value < _LAST_TIME else None


def _content_path(row: Row) -> str | None:
    """A torrent's name is its folder or its single file; names that cannot be one are changed on the disk."""
    if not row.download_dir or row.name in ("", ".", "..") or _UNSAFE.search(row.name):
        return None
    return f"{row.download_dir.rstrip('/')}/{row.name}"
