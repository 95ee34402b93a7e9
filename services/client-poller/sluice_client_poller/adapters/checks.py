"""What no torrent client could do: changes that are refused before anything is sent, whatever the kind. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from sluice_client_poller.adapters.words import hosts
from sluice_common.kit.errors import Problem
from sluice_common.model.edits import ChooseFiles

_TRACKERS = frozenset({"http", "https", "udp"})
_BLANK = re.compile(r"[\s\x00-\x1f]")


def refuse_trackers(urls: Iterable[str]) -> None:
    """Raises a Problem where one is no address to announce to; it does not say it: addresses carry pass keys."""
    if not all(_is_tracker(url) for url in urls):
        detail = "a tracker's address begins with http://, https:// or udp:// and names a host; one of these does not"
        raise Problem("tracker_invalid", 400, detail)


def refuse_missing(urls: Iterable[str]) -> None:
    """Raises a Problem for these trackers, which are to be removed and are not there; it names only their hosts."""
    missing = list(urls)
    if missing:
        told = ", ".join(hosts(missing)) or "what is to be removed"
        detail = f"nothing was changed: no tracker of it has this address ({told}); give the whole announce URL"
        raise Problem("tracker_unknown", 409, detail)


def refuse_files(edit: ChooseFiles, count: int) -> None:
    """Raises a Problem where the choice does not fit a torrent of so many files; 0 is one without metadata."""
    if not count:
        raise Problem("files_unknown", 409, "its files are not known yet; wait for its metadata")
    if not all(0 <= index < count for index in (*edit.wanted, *edit.unwanted)):
        raise Problem("file_unknown", 400, f"it has {count} files, numbered from 0; choose among them")
    if set(edit.wanted) & set(edit.unwanted):
        raise Problem("file_twice", 400, "a file is wanted or not, not both")


def refuse_limits(*limits: float | None) -> None:
    """Raises a Problem for a limit below 0."""
    if any(limit is not None and limit < 0 for limit in limits):
        raise Problem("limit_invalid", 400, "a limit is 0, which lifts it, or more")


def _is_tracker(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme.lower() in _TRACKERS and bool(parts.hostname) and not _BLANK.search(url)
    except ValueError:
        return False
