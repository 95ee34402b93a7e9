"""Text that passes between us and a torrent client, whatever its kind: what leaves it, and what it can read. Pure."""

from __future__ import annotations

import re

_MAGNET = re.compile(r"magnet:\?\S*", re.IGNORECASE)
_URL = re.compile(r"\b[a-z][a-z0-9+.-]*://(?:[^\s/@]*@)?(?P<host>[^\s/:?#]*)\S*", re.IGNORECASE)
_TOPIC = re.compile(r"xt(\.\d+)?=", re.IGNORECASE)


def scrub(words: str) -> str:
    """Addresses become their hosts: announce URLs and magnets carry pass keys."""
    return _URL.sub(lambda found: found["host"], _MAGNET.sub("magnet:…", words))


def plain_magnet(uri: str, info_hash: str) -> str:
    """The magnet as every client reads it: one literal `xt=urn:btih:`, then its name and trackers unchanged."""
    fields = uri.strip().partition("?")[2].split("&")
    rest = [field for field in fields if field and not _TOPIC.match(field)]
    return "magnet:?" + "&".join([f"xt=urn:btih:{info_hash}", *rest])
