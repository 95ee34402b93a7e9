"""What each kind of change is in deluge-web's RPC: a table from kinds to requests. Pure.

Deluge answers `null` whether or not it did as it was told, so every request says how its effect is seen.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from ipaddress import ip_address
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any

import msgspec

from sluice_client_poller.adapters.checks import refuse_files, refuse_limits, refuse_trackers
from sluice_client_poller.adapters.deluge.wire import Agreed, SpeedLimits, Standing, kibibytes, limited
from sluice_client_poller.adapters.port import Terms, unsupported
from sluice_common.kit.errors import Problem
from sluice_common.model import edits
from sluice_common.model.edits import AnyControl, AnyEdit, Limits

NAME = "Deluge"
NORMAL = 4  # the priority of a file that is wanted
_PEER = re.compile(r"(?:\[(?P<six>[^\]]+)\]|(?P<four>[^:]+)):(?P<port>\d{1,5})")

Call = tuple[str, tuple[object, ...]]


def _always(_: Standing) -> bool:
    return True


class Change(msgspec.Struct, frozen=True):
    """Requests on one torrent, in order, and whether what stands after them shows their effect."""

    calls: tuple[Call, ...]
    is_seen: Callable[[Standing], bool] = _always


def refuse_what_it_cannot(edit: AnyEdit) -> None:
    """Raises `unsupported` for what no Deluge does, whatever the torrent, and a Problem for what no client could."""
    match edit:
        case edits.SetTags():
            raise unsupported(NAME, "tag downloads")
        case edits.SetLimits(seeding_time=int()):
            raise unsupported(NAME, "limit the seeding time")
        case edits.Rename():
            what = "show another name: it tells no other, so that nobody would know where the data is"
            raise unsupported(NAME, what)
        case edits.Move(save_path=path) if not _is_absolute(path):
            raise Problem(
                "save_path_invalid", 400, "the folder is not absolute; give the whole path, as Deluge sees it"
            )
        case edits.SetLimits():
            refuse_limits(edit.download, edit.upload, edit.ratio)
        case edits.EditTrackers(add=urls):
            refuse_trackers(urls)
        case edits.AddPeers(peers=peers):
            for peer in peers:
                _peer(peer)
        case _:
            pass


def change(torrent_id: str, edit: AnyEdit, before: Standing) -> Change | None:
    """The requests that make the change; None where nothing is left to do. Raises a Problem for what it cannot do.

    A category's label is there already.
    """
    return _CHANGES[type(edit)](torrent_id, edit, before)


def terms(told: Agreed) -> Terms:
    """What was set on a torrent."""
    return Terms(
        download_limit=limited(told.max_download_speed),
        upload_limit=limited(told.max_upload_speed),
        ratio=told.stop_ratio if told.stop_at_ratio else 0.0,
        unwanted=tuple(index for index, priority in enumerate(told.file_priorities) if not priority),
        trackers=frozenset(tracker.url for tracker in told.trackers),
        sequential=told.sequential_download,
        first_last=told.prioritize_first_last_pieces,
    )


def control(asked: AnyControl) -> tuple[Call, ...]:
    """The requests that change the client as a whole. Raises `unsupported` for what it cannot do."""
    match asked:
        case edits.PauseAll():
            return (("core.pause_torrents", ([],)),)
        case edits.ResumeAll():
            return (("core.resume_session", ()), ("core.resume_torrents", ([],)))
        case edits.AlternativeLimits():
            raise unsupported(NAME, "switch to other speed limits: it has only one set of them")
        case edits.GlobalLimits():
            refuse_limits(asked.download, asked.upload)
            config = _speed_limits(asked.download, asked.upload)
            return (("core.set_config", (config,)),) if config else ()


def client_limits(told: SpeedLimits) -> Limits:
    """Its limits in bytes/s; it has no alternative ones."""
    return Limits(download=limited(told.max_download_speed), upload=limited(told.max_upload_speed))


def _speed_limits(download: int | None, upload: int | None) -> dict[str, float | bool]:
    """Its names are the same for a torrent and for the daemon."""
    asked = {"max_download_speed": download, "max_upload_speed": upload}
    return {name: kibibytes(limit) for name, limit in asked.items() if limit is not None}


def _force_start(torrent_id: str, edit: edits.ForceStart, before: Standing) -> Change:
    """What is not auto-managed does not wait in the queue. Back in it, what is paused stays so."""
    managed: Call = ("core.set_torrent_options", ([torrent_id], {"auto_managed": not edit.on}))
    if not edit.on:
        return Change((managed,), lambda after: after.auto_managed)
    resumed: Call = ("core.resume_torrent", (torrent_id,))
    return Change(
        (managed, resumed), lambda after: not after.auto_managed and after.state not in ("Paused", "Queued", "Error")
    )


def _reannounce(torrent_id: str, _: edits.Reannounce, __: Standing) -> Change:
    return Change((("core.force_reannounce", ([torrent_id],)),))


def _queue(torrent_id: str, edit: edits.QueueMove, before: Standing) -> Change:
    if before.queue < 0:
        raise Problem("not_queued", 409, "Deluge queues only what it has yet to download; this has finished")
    return Change(((f"core.queue_{edit.to.value}", ([torrent_id],)),))


def _category(torrent_id: str, edit: edits.SetCategory, before: Standing) -> Change | None:
    wanted = edit.category or ""
    if before.label == wanted:
        return None
    return Change((("label.set_torrent", (torrent_id, wanted)),), lambda after: after.label == wanted)


def _set_limits(torrent_id: str, edit: edits.SetLimits, _: Standing) -> Change | None:
    asked = _speed_limits(edit.download, edit.upload)
    if edit.ratio is not None:
        asked |= {"stop_at_ratio": edit.ratio > 0} | ({"stop_ratio": edit.ratio} if edit.ratio > 0 else {})
    if not asked:
        return None
    options: Call = ("core.set_torrent_options", ([torrent_id], asked))
    return Change((options,), lambda after: all(getattr(after, name) == value for name, value in asked.items()))


def _move(torrent_id: str, edit: edits.Move, before: Standing) -> Change | None:
    """Once it is on its way it is accepted; a folder that cannot be made is only in its log."""
    if _folder(before.save_path) == _folder(edit.save_path):
        return None
    return Change(
        (("core.move_storage", ([torrent_id], edit.save_path)),),
        lambda after: after.state == "Moving" or _folder(after.save_path) == _folder(edit.save_path),
    )


def _files(torrent_id: str, edit: edits.ChooseFiles, before: Standing) -> Change | None:
    count = before.num_files
    refuse_files(edit, count)
    told = before.file_priorities
    priorities = [told[index] if index < len(told) else NORMAL for index in range(count)]
    for index in edit.unwanted:
        priorities[index] = 0
    for index in edit.wanted:
        priorities[index] = priorities[index] or NORMAL
    options: Call = ("core.set_torrent_options", ([torrent_id], {"file_priorities": priorities}))
    return Change((options,), lambda after: [*after.file_priorities] == priorities)


def _trackers(torrent_id: str, edit: edits.EditTrackers, before: Standing) -> Change | None:
    """It takes only whole lists. New ones come after all others: each is a tier of its own."""
    kept = [tracker for tracker in before.trackers if tracker.url not in edit.remove]
    known = {tracker.url for tracker in before.trackers}
    new = [url for url in dict.fromkeys(edit.add) if url not in known]
    if len(kept) == len(before.trackers) and not new:
        return None
    tier = max((tracker.tier for tracker in kept), default=-1) + 1
    whole = [{"url": tracker.url, "tier": tracker.tier} for tracker in kept]
    whole += [{"url": url, "tier": tier + number} for number, url in enumerate(new)]
    wanted = {str(tracker["url"]) for tracker in whole}
    return Change(
        (("core.set_torrent_trackers", (torrent_id, whole)),),
        lambda after: {tracker.url for tracker in after.trackers} == wanted,
    )


def _peers(torrent_id: str, edit: edits.AddPeers, _: Standing) -> Change:
    return Change(tuple(("core.connect_peer", (torrent_id, *_peer(peer))) for peer in edit.peers))


def _peer(peer: str) -> tuple[str, int]:
    """Deluge passes over what it cannot read without a word."""
    found = _PEER.fullmatch(peer)
    try:
        address = str(ip_address(found["six"] or found["four"])) if found else ""
    except ValueError:
        address = ""
    if found is None or not address or not 0 < int(found["port"]) < 65536:
        raise Problem("peer_invalid", 400, "a peer is an address and a port, like 192.0.2.1:6881 or [2001:db8::1]:6881")
    return address, int(found["port"])


def _is_absolute(path: str) -> bool:
    return PurePosixPath(path).is_absolute() or PureWindowsPath(path).is_absolute()


def _folder(path: str) -> str:
    return path.rstrip("/")


_CHANGES: Mapping[type[AnyEdit], Callable[[str, Any, Standing], Change | None]] = {
    edits.ForceStart: _force_start,
    edits.Reannounce: _reannounce,
    edits.QueueMove: _queue,
    edits.SetCategory: _category,
    edits.SetLimits: _set_limits,
    edits.Move: _move,
    edits.ChooseFiles: _files,
    edits.EditTrackers: _trackers,
    edits.AddPeers: _peers,
}
