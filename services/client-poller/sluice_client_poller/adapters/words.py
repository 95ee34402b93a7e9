"""Text that passes between us and a torrent client, whatever its kind: what leaves it, and what it can read. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from urllib.parse import unquote, urlsplit

# Links are quoted in links, once or several times over.
_COLON, _SLASHES, _EQUALS = r"(?::|%(?:25)*3A)", r"(?:/|%(?:25)*2F){2}", r"(?:=|%(?:25)*3D)"
# What was broken by a blank goes on: letters with digits among them.
_TAIL = r"(?:\s+(?=[a-z]*\d)[a-z0-9]{6,}(?!\S))*"
_SECRET = re.compile(rf"((?:key|pass|passwd|password|token|secret|auth){_EQUALS})\S+{_TAIL}", re.IGNORECASE)
_MAGNET = re.compile(rf"(?:magnet{_COLON}|xt(?:\.\d+)?{_EQUALS}urn)\S+", re.IGNORECASE)
# The scheme is as long as any is, and may be missing: an unbounded one would be looked for again from each of its dots.
_SCHEME = rf"(?:(?<![a-z])[a-z][a-z0-9+.-]{{0,30}})?{_COLON}{_SLASHES}"
_NO_SCHEME = rf"(?<![a-z0-9:/]){_SLASHES}(?=[^\s/]{{0,255}}[.:@])"
_URL = re.compile(rf"(?:{_SCHEME}|{_NO_SCHEME})(?P<rest>\S*)", re.IGNORECASE)
_HOST = re.compile(r"\[[0-9a-f:.]*\]|[\w.-]*", re.IGNORECASE)
_TOPIC = re.compile(r"xt(\.\d+)?=", re.IGNORECASE)


def scrub(words: str) -> str:
    """Addresses become their hosts, magnets and the values of keys nothing: announce URLs and magnets carry pass keys.

    A key that neither stands in an address nor is called one cannot be told from other words.
    """
    return _URL.sub(_host, _MAGNET.sub("magnet:…", _SECRET.sub(r"\1…", words)))


def _host(found: re.Match[str]) -> str:
    rest = found["rest"]
    if not found[0].endswith("//" + rest):  # quoted, in something whose own parts are not
        rest = unquote(unquote(rest.partition("&")[0]))
    host: str = _HOST.findall(re.split("[/?#]", rest)[0].rpartition("@")[2])[0]
    return host


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
