"""Text that passes between us and a torrent client, whatever its kind: what leaves it, and what it can read. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from urllib.parse import urlsplit

_MAGNET = re.compile(r"magnet:\?\S*", re.IGNORECASE)
_URL = re.compile(r"\b[a-z][a-z0-9+.-]*://(?:[^\s/@]*@)?(?P<host>[^\s/:?#]*)\S*", re.IGNORECASE)
_TOPIC = re.compile(r"xt(\.\d+)?=", re.IGNORECASE)


def scrub(words: str) -> str:
    """Addresses become their hosts: announce URLs and magnets carry pass keys."""
    return _URL.sub(lambda found: found["host"], _MAGNET.sub("magnet:…", words))


def hosts(urls: Iterable[str]) -> tuple[str, ...]:
    """The hosts of announce URLs, each once, in their order; what is no address is left out."""
    return tuple(dict.fromkeys(host for url in urls if (host := host_of(url))))


# Thousands of rows have a dozen trackers: each host is found once, and held once.
@lru_cache(maxsize=1000)
def host_of(url: str) -> str | None:
    """Never the announce URL: it carries a pass key."""
    try:
        return urlsplit(url).hostname
    except ValueError:  # an address that is none
        return None


def plain_magnet(uri: str, info_hash: str) -> str:
    """The magnet as every client reads it: one literal `xt=urn:btih:`, then its name and trackers unchanged."""
    fields = uri.strip().partition("?")[2].split("&")
    rest = [field for field in fields if field and not _TOPIC.match(field)]
    return "magnet:?" + "&".join([f"xt=urn:btih:{info_hash}", *rest])
