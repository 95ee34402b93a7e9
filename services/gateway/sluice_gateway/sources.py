"""From what a caller wants to add to what a client can be given: validated, and fetched by us where it is a URL."""

from __future__ import annotations

from pathlib import PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING

import msgspec

from sluice_common.kit.errors import Problem
from sluice_common.model.metainfo import MAX_TORRENT_BYTES, parse_magnet, parse_torrent
from sluice_gateway.schemas import NewDownload

if TYPE_CHECKING:
    from sluice_common.net.guard import Fetched

FETCH_WITHIN = 30.0


def check_save_path(path: str | None) -> None:
    """Raise Problem save_path_invalid for one that is not absolute, on Linux or on Windows: against what a client
    would resolve it, only that client knows."""
    if path is None or PurePosixPath(path).is_absolute() or PureWindowsPath(path).is_absolute():
        return
    told = f"save_path {path[:80]!r} is not absolute; give the whole path, as the client sees its disk"
    raise Problem("save_path_invalid", 400, told)


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What goes to the client: one of `magnet` and `torrent`. `names` are its hashes, the download's id first."""

    names: tuple[str, ...]
    name: str | None
    magnet: str | None = None
    torrent: bytes | None = None


async def resolve(new: NewDownload, allow: tuple[str, ...]) -> Wanted:
    """Validate, fetching a URL through the guard; `allow` are the private addresses it may reach. Raises Problem."""
    given = [source for source in (new.magnet, new.url, new.torrent) if source is not None]
    if len(given) != 1:
        raise Problem("bad_source", 400, "give exactly one of magnet, url and torrent")
    if new.magnet is not None:
        return from_magnet(new.magnet)
    if new.torrent is not None:
        return from_torrent(new.torrent)
    assert new.url is not None
    if new.url.lower().startswith("magnet:"):
        raise Problem("bad_source", 400, "this is a magnet link; give it as `magnet`, not as `url`")
    from sluice_common.net.guard import fetch  # with httpx it costs 0.3 s, which only a URL needs

    return from_fetched(await fetch(new.url, allow=allow, limit=MAX_TORRENT_BYTES, timeout=FETCH_WITHIN))


def from_magnet(uri: str) -> Wanted:
    """Raises Problem magnet_invalid."""
    magnet = parse_magnet(uri)
    return Wanted(names=_names(magnet.info_hash, magnet.info_hash_v2), name=magnet.name, magnet=uri.strip())


def from_torrent(data: bytes) -> Wanted:
    """Raises Problem too_large and torrent_invalid."""
    if len(data) > MAX_TORRENT_BYTES:
        raise Problem("too_large", 413, f"the .torrent is over {MAX_TORRENT_BYTES} bytes", limit=MAX_TORRENT_BYTES)
    metainfo = parse_torrent(data)
    return Wanted(names=_names(metainfo.info_hash, metainfo.info_hash_v2), name=metainfo.name, torrent=data)


def from_fetched(fetched: Fetched) -> Wanted:
    """What a URL led to; raises Problem url_not_torrent where it is neither a .torrent nor a magnet link."""
    if fetched.magnet is not None:
        return from_magnet(fetched.magnet)
    try:
        return from_torrent(fetched.body)
    except Problem as problem:
        kind = fetched.content_type.partition(";")[0].strip()[:60] or "something without a type"
        raise Problem(
            "url_not_torrent",
            422,
            f"{fetched.final_url_host} answered {kind}, not a .torrent; is a log-in or a key missing in the URL?",
            host=fetched.final_url_host,
        ) from problem


def _names(info_hash: str, info_hash_v2: str | None) -> tuple[str, ...]:
    """Everything a client may call it: v1, v2, and v2 truncated to the length of v1."""
    v2 = (info_hash_v2, info_hash_v2[:40]) if info_hash_v2 else ()
    return tuple(dict.fromkeys((info_hash, *v2)))
