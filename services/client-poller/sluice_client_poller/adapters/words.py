"""Text that passes between us and a torrent client, whatever its kind: what leaves it, and what it can read. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from sluice_common.kit.errors import Problem

_MAGNET = re.compile(r"magnet:\?\S*", re.IGNORECASE)
_URL = re.compile(r"\b[a-z][a-z0-9+.-]*://(?:[^\s/@]*@)?(?P<host>[^\s/:?#]*)\S*", re.IGNORECASE)
_TRACKERS = frozenset({"http", "https", "udp"})
_BLANK = re.compile(r"[\s\x00-\x1f]")
_TOPIC = re.compile(r"xt(\.\d+)?=", re.IGNORECASE)


def scrub(words: str) -> str:
    """Addresses become their hosts: announce URLs and magnets carry pass keys."""
    return _URL.sub(lambda found: found["host"], _MAGNET.sub("magnet:…", words))


def plain_magnet(uri: str, info_hash: str) -> str:
    """The magnet as every client reads it: one literal `xt=urn:btih:`, then its name and trackers unchanged."""
    fields = uri.strip().partition("?")[2].split("&")
    rest = [field for field in fields if field and not _TOPIC.match(field)]
    return "magnet:?" + "&".join([f"xt=urn:btih:{info_hash}", *rest])


def refuse_trackers(urls: Iterable[str]) -> None:
    """Raises a Problem where one of them is no address to announce to; it does not tell which: they carry pass keys."""
    if not all(_is_tracker(url) for url in urls):
        detail = "a tracker's address begins with http://, https:// or udp:// and names a host; this one does not"
        raise Problem("tracker_invalid", 400, detail)


def _is_tracker(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme.lower() in _TRACKERS and bool(parts.hostname) and not _BLANK.search(url)
    except ValueError:
        return False
