"""Edits as requests to qBittorrent: a table from each kind to what is sent and to what then shows that it was done.

Pure. Most of the WebAPI answers 200 whatever it is sent, so that every kind whose effect can be read says how. Only
what differs from what is there is sent: a repeat is harmless.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from ipaddress import ip_address
from typing import Any, NamedTuple
from urllib.parse import quote, unquote, urlsplit

import msgspec

from sluice_client_poller.adapters.port import Terms
from sluice_client_poller.adapters.qbittorrent import wire
from sluice_common.kit.errors import Problem
from sluice_common.model.edits import (
    AddPeers,
    ChooseFiles,
    Edit,
    EditTrackers,
    ForceStart,
    Move,
    Place,
    QueueMove,
    Reannounce,
    Rename,
    SetCategory,
    SetLimits,
    SetTags,
)

NO_LIMIT = -1  # of a share; -2 would be the client's own
_MINUTE = 60
_MOVES = {Place.TOP: "topPrio", Place.UP: "increasePrio", Place.DOWN: "decreasePrio", Place.BOTTOM: "bottomPrio"}
_STOPPED = ("paused", "stopped")
_UNFORCED = ("queued", "downloading", "stalled", "metaDL", "uploading")
_ABSOLUTE = re.compile(r"/|\\\\|[A-Za-z]:[/\\]")
_PEER = re.compile(r"\[(?P<v6>[0-9A-Fa-f:.]+)\]:(?P<port6>\d+)|(?P<v4>[0-9.]+):(?P<port4>\d+)")
_SCHEMES = frozenset({"http", "https", "udp", "ws", "wss"})


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """What an edit can change of a torrent, as `torrents/info` tells it; limits in bytes/s, times in minutes."""

    hash: str
    name: str
    state: str
    save_path: str
    category: str = ""
    tags: str = ""
    force_start: bool = False
    priority: int = 0
    dl_limit: int = 0
    up_limit: int = 0
    ratio_limit: float = -2
    seeding_time_limit: int = -2
    inactive_seeding_time_limit: int = -2
    share_limit_action: str = "Default"
    seq_dl: bool = False
    f_l_piece_prio: bool = False


class Tracker(msgspec.Struct, frozen=True):
    """One line of a torrent's trackers; DHT, PeX and LSD are lines too."""

    url: str


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """A torrent before or after an edit. Files and trackers are there only for the kinds that ask for them."""

    row: Row
    files: tuple[wire.FileEntry, ...] = ()
    trackers: frozenset[str] = frozenset()


class Request(NamedTuple):
    """One POST. `name` is what the field with the torrent's hash is called: `hash`, or `hashes`."""

    verb: str
    fields: dict[str, str]
    name: str = "hashes"


Requests = Iterable[Request]


def _always(_edit: Any, _seen: Seen) -> bool:
    return True


class Kind(NamedTuple):
    """How one kind of edit is made. `check` raises before anything is asked; `words` end the sentence "cannot …"."""

    words: str
    requests: Callable[[Any, Seen], Requests]
    is_done: Callable[[Any, Seen], bool] = _always
    check: Callable[[Any], None] = lambda _: None


def _force(edit: ForceStart, seen: Seen) -> Requests:
    """Giving back to the queue would start what is stopped: that is left alone."""
    if edit.on or (seen.row.force_start and not seen.row.state.startswith(_STOPPED)):
        yield Request("setForceStart", {"value": wire.flag(edit.on)})


def _is_forced(edit: ForceStart, seen: Seen) -> bool:
    """The flag changes at once, and the state, by which the list shows it, at the client's next tick."""
    row = seen.row
    if edit.on:
        return row.force_start and not row.state.startswith((*_STOPPED, *_UNFORCED))
    return row.state.startswith(_STOPPED) or not (row.force_start or row.state.startswith("forced"))


def _reannounce(_: Reannounce, __: Seen) -> Requests:
    yield Request("reannounce", {})


def _queue(edit: QueueMove, seen: Seen) -> Requests:
    """Its queue has a place 0 for what is not in it; where there is no queue it answers 409."""
    if seen.row.priority == 0:
        raise Problem("not_queued", 409, "this download has no place in qBittorrent's queue; only unfinished ones have")
    yield Request(_MOVES[edit.to], {})


def _category(edit: SetCategory, _: Seen) -> Requests:
    yield Request("setCategory", {"category": edit.category or ""})


def _is_category(edit: SetCategory, seen: Seen) -> bool:
    return seen.row.category == (edit.category or "")


def check_tags(tags: Iterable[str]) -> None:
    """A comma separates them, and empty ones are none."""
    if any("," in tag or tag != tag.strip() or not tag for tag in tags):
        raise Problem("tag_invalid", 400, "qBittorrent's tags are not empty, and hold no comma and no space at an end")


def _tags(edit: SetTags, seen: Seen) -> Requests:
    """Without `setTags`, which came in 5.x. First what is new, so that no download is without any in between."""
    wanted, known = set(edit.tags), _tags_of(seen.row)
    if wanted - known:
        yield Request("addTags", {"tags": ",".join(sorted(wanted - known))})
    if known - wanted:
        yield Request("removeTags", {"tags": ",".join(sorted(known - wanted))})


def _are_tags(edit: SetTags, seen: Seen) -> bool:
    return _tags_of(seen.row) == set(edit.tags)


def _tags_of(row: Row) -> set[str]:
    return {tag for part in row.tags.split(",") if (tag := part.strip())}


def _check_limits(edit: SetLimits) -> None:
    values = (edit.download, edit.upload, edit.ratio, edit.seeding_time)
    if any(value is not None and not 0 <= value < math.inf for value in values):
        raise Problem("limit_invalid", 400, "a limit is 0, which lifts it, or more")


def _limits(edit: SetLimits, seen: Seen) -> Requests:
    if edit.download is not None:
        yield Request("setDownloadLimit", {"limit": str(edit.download)})
    if edit.upload is not None:
        yield Request("setUploadLimit", {"limit": str(edit.upload)})
    if edit.ratio is not None or edit.seeding_time is not None:
        yield Request("setShareLimits", _share_limits(edit, seen.row))


def _share_limits(edit: SetLimits, row: Row) -> dict[str, str]:
    """All of them, as the API wants: the third since 4.6, the action since 5.2; what is left out stays as it was."""
    return {
        "ratioLimit": f"{_ratio(edit, row):.15g}",
        "seedingTimeLimit": str(_minutes(edit, row)),
        "inactiveSeedingTimeLimit": str(row.inactive_seeding_time_limit),
        "shareLimitAction": row.share_limit_action,
    }


def _ratio(edit: SetLimits, row: Row) -> float:
    return row.ratio_limit if edit.ratio is None else edit.ratio or NO_LIMIT


def _minutes(edit: SetLimits, row: Row) -> int:
    """Whole minutes, the next one up: it seeds at least as long as was asked for."""
    if edit.seeding_time is None:
        return row.seeding_time_limit
    return math.ceil(edit.seeding_time / _MINUTE) or NO_LIMIT


def _are_limits(edit: SetLimits, seen: Seen) -> bool:
    row = seen.row
    return (
        (edit.download is None or max(row.dl_limit, 0) == edit.download)
        and (edit.upload is None or max(row.up_limit, 0) == edit.upload)
        and math.isclose(row.ratio_limit, _ratio(edit, row), abs_tol=0.01)
        and row.seeding_time_limit == _minutes(edit, row)
    )


def _check_move(edit: Move) -> None:
    if not _ABSOLUTE.match(edit.save_path) or edit.save_path != edit.save_path.strip():
        raise Problem("save_path_invalid", 400, "give the folder as qBittorrent sees it, from the root of its disk on")


def _move(edit: Move, _: Seen) -> Requests:
    yield Request("setLocation", {"location": edit.save_path})


def _is_moving(edit: Move, seen: Seen) -> bool:
    """It moves in the background; a move that fails later is told in its log alone."""
    return seen.row.state == "moving" or _folder(seen.row.save_path) == _folder(edit.save_path)


def _folder(path: str) -> str:
    return path.replace("\\", "/").rstrip("/")


def _check_name(edit: Rename) -> None:
    if not edit.name.strip():
        raise Problem("name_invalid", 400, "a name is not empty")


def _rename(edit: Rename, _: Seen) -> Requests:
    yield Request("rename", {"name": _one_line(edit.name)}, "hash")


def _is_named(edit: Rename, seen: Seen) -> bool:
    return seen.row.name == _one_line(edit.name)


def _one_line(name: str) -> str:
    """As qBittorrent makes it."""
    return re.sub(r"\r?\n|\r", " ", name.strip())


def _files(edit: ChooseFiles, seen: Seen) -> Requests:
    """A wanted one keeps a higher priority that somebody gave it."""
    priorities = _priorities(seen)
    if not priorities:
        raise Problem("files_unknown", 409, "its files are not known yet; wait for its metadata")
    if not priorities.keys() >= {*edit.wanted, *edit.unwanted}:
        raise Problem("file_unknown", 400, f"this download's files are 0 to {len(priorities) - 1}")
    if set(edit.wanted) & set(edit.unwanted):
        raise Problem("file_twice", 400, "a file is wanted or not, not both")
    for number, chosen in ((1, edit.wanted), (0, edit.unwanted)):
        ids = sorted({index for index in chosen if (priorities[index] > 0) is not bool(number)})
        if ids:
            yield Request("filePrio", {"id": "|".join(map(str, ids)), "priority": str(number)}, "hash")


def _are_chosen(edit: ChooseFiles, seen: Seen) -> bool:
    priorities = _priorities(seen)
    return all(priorities[index] > 0 for index in edit.wanted) and not any(priorities[i] for i in edit.unwanted)


def _priorities(seen: Seen) -> dict[int, int]:
    return {
        entry.index if entry.index is not None else number: entry.priority for number, entry in enumerate(seen.files)
    }


def _check_trackers(edit: EditTrackers) -> None:
    """The refusal counts them: an announce URL is nothing to repeat."""
    for number, url in enumerate(edit.add, 1):
        if not _is_announce(url):
            raise Problem("tracker_invalid", 400, f"number {number} of the trackers to add is no announce URL")


def _is_announce(url: str) -> bool:
    try:
        split = urlsplit(url)
        return split.scheme in _SCHEMES and bool(split.hostname) and not re.search(r"\s", url)
    except ValueError:
        return False


def _trackers(edit: EditTrackers, seen: Seen) -> Requests:
    """Removals as they are and percent-encoded: the newest versions decode them, the others take them literally."""
    known = {unquote(url) for url in seen.trackers}
    new = [url for url in dict.fromkeys(edit.add) if unquote(url) not in known]
    if new:
        yield Request("addTrackers", {"urls": "\n".join(new)}, "hash")
    gone = {unquote(url) for url in edit.remove}
    old = sorted(url for url in seen.trackers if unquote(url) in gone)
    if old:
        spellings = dict.fromkeys([*old, *(quote(url, safe=":/?&=") for url in old)])
        yield Request("removeTrackers", {"urls": "|".join(spellings)}, "hash")


def _are_trackers(edit: EditTrackers, seen: Seen) -> bool:
    known = {unquote(url) for url in seen.trackers}
    gone = {unquote(url) for url in edit.remove} - {unquote(url) for url in edit.add}
    return known >= {unquote(url) for url in edit.add} and not known & gone


def _check_peers(edit: AddPeers) -> None:
    if not edit.peers or not all(map(_is_peer, edit.peers)):
        raise Problem("peer_invalid", 400, "a peer is address:port, with IPv6 as [address]:port")


def _is_peer(peer: str) -> bool:
    found = _PEER.fullmatch(peer)
    if found is None or not 0 < int(found["port6"] or found["port4"]) < 1 << 16:
        return False
    try:
        return ip_address(found["v6"] or found["v4"]).version == (6 if found["v6"] else 4)
    except ValueError:
        return False


def _peers(edit: AddPeers, _: Seen) -> Requests:
    yield Request("addPeers", {"peers": "|".join(edit.peers)})


def terms(seen: Seen) -> Terms:
    """What was set on a torrent of which files and trackers were asked for; -2 is the client's own limit."""
    row, priorities = seen.row, _priorities(seen)
    return Terms(
        download_limit=row.dl_limit if row.dl_limit > 0 else None,
        upload_limit=row.up_limit if row.up_limit > 0 else None,
        ratio=max(row.ratio_limit, 0.0) if row.ratio_limit >= NO_LIMIT else None,
        seeding_time=max(row.seeding_time_limit, 0) * _MINUTE if row.seeding_time_limit >= NO_LIMIT else None,
        unwanted=tuple(sorted(index for index, priority in priorities.items() if not priority)),
        trackers=seen.trackers,
        sequential=row.seq_dl,
        first_last=row.f_l_piece_prio,
        name=row.name,
    )


KINDS: Mapping[type[Edit], Kind] = {
    ForceStart: Kind("start past its queue", _force, _is_forced),
    Reannounce: Kind("ask the trackers again", _reannounce),
    QueueMove: Kind("move it in the queue", _queue),
    SetCategory: Kind("set a category", _category, _is_category),
    SetTags: Kind("set tags", _tags, _are_tags, lambda edit: check_tags(edit.tags)),
    SetLimits: Kind("set these limits", _limits, _are_limits, _check_limits),
    Move: Kind("move it", _move, _is_moving, _check_move),
    Rename: Kind("rename it", _rename, _is_named, _check_name),
    ChooseFiles: Kind("choose files", _files, _are_chosen),
    EditTrackers: Kind("change its trackers", _trackers, _are_trackers, _check_trackers),
    AddPeers: Kind("dial peers that it is told", _peers, check=_check_peers),
}
