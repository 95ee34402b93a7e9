"""qBittorrent's rows as `Download`s and `RemoteFile`s. Pure; CLIENTS' facts about qBittorrent live here."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from functools import lru_cache

import msgspec

from sluice_client_poller.adapters.qbittorrent.wire import FileEntry, Row, Totals
from sluice_client_poller.adapters.throttle import is_used_up
from sluice_client_poller.adapters.words import host_of
from sluice_common.model.download import Download, RemoteFile
from sluice_common.model.enums import Health, Reason, State

_STATES = {
    "allocating": State.QUEUED,
    "checkingDL": State.CHECKING,
    "checkingResumeData": State.CHECKING,
    "checkingUP": State.CHECKING,
    "downloading": State.DOWNLOADING,
    "error": State.PAUSED,  # an errored torrent is stopped by the client; what is wrong is its health
    "forcedDL": State.DOWNLOADING,
    "forcedMetaDL": State.FETCHING_METADATA,
    "forcedUP": State.SEEDING,
    "metaDL": State.FETCHING_METADATA,
    "missingFiles": State.PAUSED,
    "moving": State.MOVING,
    "pausedDL": State.PAUSED,
    "pausedUP": State.PAUSED,
    "queuedDL": State.QUEUED,
    "queuedUP": State.QUEUED,
    "stalledDL": State.DOWNLOADING,
    "stalledUP": State.SEEDING,
    "stoppedDL": State.PAUSED,
    "stoppedUP": State.PAUSED,
    "unknown": State.UNKNOWN,
    "uploading": State.SEEDING,
}
# While it moves across file systems the target has every byte and `content_path` names it, before `moving` ends.
_AT_REST = frozenset({"uploading", "stalledUP", "forcedUP", "queuedUP", "pausedUP", "stoppedUP"})
_FORCED = frozenset({"forcedDL", "forcedMetaDL", "forcedUP"})
_UNKNOWN_ETA = 8640000
_MINUTE = 60
_LAST_TIME = datetime(9999, 1, 1, tzinfo=UTC).timestamp()


def to_download(client: str, torrent_id: str, row: Row) -> Download:
    """One row of the queue. `content_path` is the single file, or the folder that holds nothing but this download."""
    known = has_metadata(row)
    complete = is_complete(row)
    health, reason = _health(row)
    return Download(
        client=client,
        id=torrent_id,
        aliases=aliases(torrent_id, row),
        epoch=f"c{row.added_on}" if row.added_on > 0 else "",
        name=row.name,
        state=_STATES.get(row.state) or State(row.state),
        health=health,
        reason=reason,
        is_complete=complete,
        size=row.size if known else None,
        total_size=_count(row.total_size) if known else None,
        done=_count(row.completed) if known else None,
        down_speed=_count(row.dlspeed),
        up_speed=_count(row.upspeed),
        eta=row.eta if row.progress < 1 and row.eta and 0 < row.eta < _UNKNOWN_ETA else None,
        ratio=row.ratio if known and row.ratio is not None and row.ratio >= 0 else None,
        seeding_time=_whole_minutes(row.seeding_time),
        seeds=_count(row.num_seeds),
        peers=_count(row.num_leechs),
        category=row.category or None,
        tags=_tags(row.tags),
        tracker=host_of(row.tracker),
        private=row.private if known else None,
        save_path=row.save_path or None,
        content_path=_content_path(row) if known else None,
        added_at=_time(row.added_on),
        completed_at=_time(row.completion_on) if complete else None,
        forced=row.state in _FORCED,
    )


def is_complete(row: Row) -> bool:
    """Every wanted byte verified and at its final path: all of it, at rest, of a known size.

    `completion_on` says nothing: it is set while moving, and stays when a recheck finds nothing there.
    """
    return row.progress >= 1 and row.size > 0 and not row.amount_left and row.state in _AT_REST


def has_metadata(row: Row) -> bool:
    """Whether its name, files and sizes are known; until then it is a magnet, and a hybrid's id may still change."""
    return row.has_metadata if row.has_metadata is not None else row.size > 0 or (row.total_size or 0) > 0


def aliases(torrent_id: str, row: Row) -> tuple[str, ...]:
    """Every other name: a hybrid is listed by its truncated v2 hash, its magnet by the v1 hash until metadata came."""
    v1, v2 = row.infohash_v1.lower(), row.infohash_v2.lower()
    if not v2 and v1 == torrent_id:
        return ()
    return tuple(sorted({v1, v2, v2[:40]} - {"", torrent_id}))


def looks_the_same(before: Row, after: Row) -> bool:
    """Whether a change of the row is none of the `Download`: in every delta the clocks of what is active tick."""
    ticked = msgspec.structs.replace(after, seeding_time=before.seeding_time)
    return ticked == before and _whole_minutes(after.seeding_time) == _whole_minutes(before.seeding_time)


def to_files(listed: Iterable[FileEntry]) -> tuple[RemoteFile, ...]:
    """The files in the client's order; qBittorrent does not list padding."""
    return tuple(
        RemoteFile(
            index=entry.index if entry.index is not None else number,
            path=entry.name,
            size=entry.size,
            done=min(entry.size, int(entry.progress * entry.size)),
            wanted=entry.priority > 0,
        )
        for number, entry in enumerate(listed)
    )


def is_throttled(totals: Totals) -> bool:
    """Whether a download that gets nothing may owe it to the session: it is offline, or its limit is used up."""
    return totals.connection_status == "disconnected" or is_used_up(totals.dl_rate_limit, totals.dl_info_speed)


def _health(row: Row) -> tuple[Health, Reason | None]:
    """The API has no words for an error; they are in qBittorrent's log."""
    if row.state == "missingFiles":
        return Health.ERROR, Reason.MISSING_FILES
    if row.state == "error":
        return Health.ERROR, Reason.CLIENT_ERROR
    if row.has_tracker_error:
        return Health.WARNING, Reason.TRACKER_ERROR
    return Health.OK, None


def _whole_minutes(seconds: int | None) -> int | None:
    """A seed's time, in whole minutes from the first on: every seed would change every second."""
    if seconds is None or seconds < 0:
        return None
    return seconds if seconds < _MINUTE else seconds - seconds % _MINUTE


def _count(value: int | None) -> int | None:
    return value if value is not None and value >= 0 else None


def _time(value: int | None) -> datetime | None:
    return datetime.fromtimestamp(value, UTC) if value is not None and 0 < value < _LAST_TIME else None


# Of thousands of rows few have tags that no other has: found once, and held once.
@lru_cache(maxsize=1000)
def _tags(told: str) -> tuple[str, ...]:
    return tuple(tag for part in told.split(",") if (tag := part.strip()))


def _content_path(row: Row) -> str | None:
    """Where the content is, unless it has no place of its own.

    4.5 gives a bare name while it checks resume data; without a top folder it is empty, or the storage folder itself.
    """
    path = row.content_path.rstrip("/")
    is_absolute = path.startswith("/") or path[1:2] == ":"  # a drive's letter
    return path if is_absolute and path not in (row.save_path.rstrip("/"), row.download_path.rstrip("/")) else None
