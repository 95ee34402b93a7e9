"""Whether an edit makes sense, before anybody is asked to do it. Pure; no refusal repeats an announce URL."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Mapping
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from sluice_common.kit.errors import Problem
from sluice_common.model import edits
from sluice_gateway import changes, imported
from sluice_gateway.sources import check_save_path

_SCHEMES = ("http", "https", "udp")


def check(edit: changes.Edit | changes.Control) -> None:
    """Raise Problem: category_invalid, save_path_invalid, name_invalid, tag_invalid, tracker_invalid, peer_invalid,
    files_invalid, nothing_to_change."""
    for kind, checked in _CHECKS.items():
        if isinstance(edit, kind):
            checked(edit)


def check_tags(tags: Iterable[str]) -> None:
    """Clients keep tags in one line with commas between them."""
    for tag in tags:
        if "," in tag or tag != tag.strip() or _has_control(tag):
            raise Problem("tag_invalid", 400, f"the tag {tag[:40]!r} holds a comma, or begins or ends with a blank")


def _category(edit: edits.SetCategory) -> None:
    imported.check_category(edit.category)


def _move(edit: edits.Move) -> None:
    if _has_control(edit.save_path):
        raise Problem("save_path_invalid", 400, "the save_path holds a control character")
    check_save_path(edit.save_path)


def _rename(edit: edits.Rename) -> None:
    """Some clients rename the folder on their disk with it."""
    if edit.name in (".", "..") or edit.name != edit.name.strip() or "/" in edit.name or _has_control(edit.name):
        raise Problem("name_invalid", 400, "a name is one part of a path: without '/', blanks around it, or '..'")


def _tags(edit: edits.SetTags) -> None:
    check_tags(edit.tags)


def _limits(edit: edits.SetLimits | edits.GlobalLimits) -> None:
    if all(getattr(edit, name) is None for name in edit.__struct_fields__):
        raise _nothing(", ".join(edit.__struct_fields__))


def _files(edit: edits.ChooseFiles) -> None:
    if not edit.wanted and not edit.unwanted:
        raise _nothing("wanted, unwanted")
    both = set(edit.wanted) & set(edit.unwanted)
    if both:
        raise Problem("files_invalid", 400, f"file {min(both)} is both wanted and unwanted")


def _trackers(edit: edits.EditTrackers) -> None:
    if not edit.add and not edit.remove:
        raise _nothing("add, remove")
    for name, urls in (("add", edit.add), ("remove", edit.remove)):
        for number, url in enumerate(urls, 1):
            if not _is_tracker(url):
                told = f"number {number} of `{name}` is no announce URL; it begins with http://, https:// or udp://"
                raise Problem("tracker_invalid", 400, told)


def _is_tracker(url: str) -> bool:
    if _has_control(url) or " " in url:
        return False
    try:
        parts = urlsplit(url)
        return parts.scheme in _SCHEMES and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _peers(edit: edits.AddPeers) -> None:
    if not edit.peers:
        raise _nothing("peers")
    for peer in edit.peers:
        if not _is_peer(peer):
            told = f"{peer!r} is no peer; give address:port, of IPv6 [address]:port"
            raise Problem("peer_invalid", 400, told)


def _is_peer(peer: str) -> bool:
    host, _, port = peer.rpartition(":")
    is_v6 = host.startswith("[") and host.endswith("]")
    if not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        return False
    try:
        address = ip_address(host[1:-1] if is_v6 else host)
    except ValueError:
        return False
    return (address.version == 6) == is_v6 and not (address.is_unspecified or address.is_multicast)


def _has_control(text: str) -> bool:
    return any(unicodedata.category(char) == "Cc" for char in text)


def _nothing(fields: str) -> Problem:
    return Problem("nothing_to_change", 400, f"give at least one of: {fields}")


_CHECKS: Mapping[type[Any], Callable[[Any], None]] = {
    edits.SetCategory: _category,
    edits.SetTags: _tags,
    edits.SetLimits: _limits,
    edits.Move: _move,
    edits.Rename: _rename,
    edits.ChooseFiles: _files,
    edits.EditTrackers: _trackers,
    edits.AddPeers: _peers,
    edits.GlobalLimits: _limits,
}
