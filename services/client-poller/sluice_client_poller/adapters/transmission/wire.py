"""Transmission's RPC as values: requests are built, replies parsed. No socket, no clock, no `Download` here.

The method and field names are those of before 4.1, which 4.x still understands.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import msgspec

from sluice_client_poller.adapters.words import scrub
from sluice_common.kit.errors import ClientAuthFailed, ClientProtocolError, ClientUnavailable

T = TypeVar("T")

RPC_PATH = "/transmission/rpc"
SESSION_HEADER = "X-Transmission-Session-Id"
RECENT = "recently-active"  # what changed within the last 60 s, and the ids of what went
OLDEST = 15  # 2.80; the RPC's own version, as session-get tells it
TABLES_AND_LABELS = 16  # 3.00: rows without their keys, and labels
LABELS_ON_ADD = 17  # 4.0
HYBRIDS = 17
SEQUENTIAL = 18  # 4.1
KILOBYTE = 1000  # its limits are in kB/s: `speed-bytes` of its units

FILE_FIELDS = ("files", "fileStats")

_TAGS = re.compile(r"<[^>]*>")
_WORDS_SHOWN = 200


class Refused(ClientProtocolError):
    """Transmission answered with words other than "success"."""

    def __init__(self, method: str, words: str) -> None:
        self.words = scrub(words)[:_WORDS_SHOWN]
        super().__init__(f"{method}: {self.words}")


class WrongPassword(ClientAuthFailed):
    """Transmission itself refused user name and password; some versions count the attempts."""


class Reply(msgspec.Struct, frozen=True):
    """A reply whose arguments are not parsed yet."""

    result: str
    arguments: msgspec.Raw = msgspec.Raw(b"{}")


class Tracker(msgspec.Struct, frozen=True):
    """One tracker; the address carries pass keys and goes no further than the mapping."""

    announce: str = ""
    tier: int = 0


class Row(msgspec.Struct, frozen=True, kw_only=True, gc=False, rename="camel"):
    """One torrent as Transmission tells it; a field that it does not know is 0 or not there.

    The required ones are what completion and identity rest on.
    """

    added_date: int
    done_date: int
    download_dir: str
    downloaded_ever: int = 1
    error: int
    error_string: str = ""
    eta: int = -1
    hash_string: str
    id: int
    is_private: bool = False
    labels: tuple[str, ...] | int = ()
    left_until_done: int
    metadata_percent_complete: float
    name: str
    peers_connected: int = 0
    percent_done: float
    rate_download: int = 0
    rate_upload: int = 0
    seconds_seeding: int = 0
    size_when_done: int
    status: int
    total_size: int
    trackers: tuple[Tracker, ...] = ()
    upload_ratio: float = -1


ROW_FIELDS = tuple(field.encode_name for field in msgspec.structs.fields(Row))


class TableRow(Row, frozen=True, kw_only=True, gc=False, array_like=True, rename="camel"):
    """The same as one line of a table that has the columns of ROW_FIELDS."""


class Torrents(msgspec.Struct, frozen=True):
    """The rows of a torrent-get, each still raw, and the ids of what went within the last minute."""

    torrents: list[msgspec.Raw]
    removed: tuple[int, ...] = ()


class FileEntry(msgspec.Struct, frozen=True, rename="camel"):
    """One file; `name` is relative to the torrent's folder."""

    name: str
    length: int
    bytes_completed: int = 0


class FileStat(msgspec.Struct, frozen=True, rename="camel"):
    """Whether a file is wanted."""

    wanted: bool = True


class Files(msgspec.Struct, frozen=True, rename="camel"):
    """A torrent's files; all empty without metadata."""

    files: tuple[FileEntry, ...]
    file_stats: tuple[FileStat, ...] = ()


class Status(msgspec.Struct, frozen=True):
    """What a torrent does, as a number that mapping knows."""

    status: int


class Statuses(msgspec.Struct, frozen=True):
    """A torrent-get of nothing but that."""

    torrents: tuple[Status, ...]


class Labels(msgspec.Struct, frozen=True):
    """A torrent's labels."""

    labels: tuple[str, ...] | int = ()


class LabelledTorrents(msgspec.Struct, frozen=True):
    """A torrent-get of nothing but labels."""

    torrents: tuple[Labels, ...]


class Announce(msgspec.Struct, frozen=True):
    """One tracker with the number by which it is removed; the address carries pass keys and is never told."""

    id: int = 0
    announce: str = ""


class Standing(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What can be changed in a torrent, as it stands: `wanted` has an entry for each file, limits are kB/s.

    What a version does not know is 0: `labels` before 3.00, `sequential_download` before 4.1.
    """

    download_dir: str
    download_limit: float
    download_limited: bool
    labels: tuple[str, ...] | int = 0
    seed_ratio_limit: float
    seed_ratio_mode: int
    sequential_download: bool | int = msgspec.field(default=0, name="sequential_download")  # has no other spelling
    status: int
    trackers: tuple[Announce, ...] = ()
    upload_limit: float
    upload_limited: bool
    wanted: tuple[bool | int, ...] = ()


STANDING_FIELDS = tuple(field.encode_name for field in msgspec.structs.fields(Standing))


class Session(msgspec.Struct, frozen=True, rename="kebab"):
    """What the daemon says of itself."""

    rpc_version: int
    version: str = ""
    download_dir: str = ""


class SpeedLimits(msgspec.Struct, frozen=True, rename="kebab"):
    """The limits of the whole daemon in kB/s, of which 4.1 tells fractions."""

    alt_speed_enabled: bool
    speed_limit_down: float
    speed_limit_down_enabled: bool
    speed_limit_up: float
    speed_limit_up_enabled: bool


class Age(msgspec.Struct, frozen=True, rename="camel"):
    """The daemon's current run; seconds since it was started."""

    seconds_active: int


class Stats(msgspec.Struct, frozen=True, rename="camel"):
    """The daemon's totals; speeds in bytes/s."""

    torrent_count: int
    download_speed: int
    upload_speed: int
    current: Age = msgspec.field(name="current-stats")


class FreeSpace(msgspec.Struct, frozen=True, rename="kebab"):
    """Bytes free, -1 where it cannot tell."""

    size_bytes: int


class Added(msgspec.Struct, frozen=True, rename="camel"):
    """The torrent that an add made or found."""

    hash_string: str


class AddReply(msgspec.Struct, frozen=True, rename="kebab"):
    """Exactly one of the two."""

    torrent_added: Added | None = None
    torrent_duplicate: Added | None = None


def rpc_url(url: str) -> str:
    """Where to post: what a person copies is the host, the web interface or the RPC itself."""
    base = url.partition("?")[0].partition("#")[0].rstrip("/")
    base = base.removesuffix("/index.html").removesuffix("/web")
    if base.endswith("/rpc"):
        return base
    return f"{base}/rpc" if base.endswith("/transmission") else base + RPC_PATH


def only_looks(method: str) -> bool:
    """Whether a method changes nothing."""
    return method.endswith("-get") or method in ("session-stats", "free-space")


def request(method: str, arguments: Mapping[str, object]) -> bytes:
    """The body of a POST."""
    return msgspec.json.encode({"method": method, "arguments": arguments})


def session_id(status: int, headers: Mapping[str, str]) -> str | None:
    """The id to send with the next request, out of a 409; None for any other answer."""
    return headers.get(SESSION_HEADER) or None if status == 409 else None


def parse_reply(method: str, status: int, headers: Mapping[str, str], body: bytes) -> msgspec.Raw:
    """The raw arguments. Raises Refused for Transmission's own words, or the ClientError that the HTTP answer means."""
    if status != 200:
        raise _http_error(status, headers, body)
    try:
        reply = msgspec.json.decode(body, type=Reply)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        told = headers.get("Content-Type", "").partition(";")[0][:40] or "no content type"
        raise ClientProtocolError(f"{len(body)} bytes of {told} that are no reply to {method}") from None
    if reply.result != "success":
        raise Refused(method, reply.result)
    return reply.arguments


def _http_error(status: int, headers: Mapping[str, str], body: bytes) -> Exception:
    if status == 401 and 'realm="transmission"' in headers.get("WWW-Authenticate", "").lower():
        return WrongPassword("Transmission refused the user name or the password; set those of its remote access")
    if status == 403 and "transmission" in headers.get("Server", "").lower():
        words = " ".join(_TAGS.sub(" ", body[:500].decode("utf-8", "replace")).split())[:_WORDS_SHOWN]
        return WrongPassword(f"Transmission lets nobody in from here; see its rpc-whitelist ({words})")
    if status == 421:
        return ClientAuthFailed("Transmission does not know this host name; use an address, or its rpc-host-whitelist")
    if status in (401, 403):
        return ClientAuthFailed(f"the web server in front of Transmission answered {status}; check URL and log-in")
    if status in (502, 503, 504):
        return ClientUnavailable(f"the web server in front of Transmission answered {status}")
    if status == 409:
        return ClientProtocolError("Transmission refuses the session id that it has just given")
    return ClientProtocolError(f"HTTP {status} instead of Transmission's RPC; is the URL Transmission's?")


def parse(method: str, raw: msgspec.Raw | bytes, kind: type[T]) -> T:
    """The arguments as a `kind`. Raises ClientProtocolError with the place that did not fit."""
    try:
        return msgspec.json.decode(raw, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ClientProtocolError(f"{method} answered another shape: {error}") from None


def rows_request(ids: str | Sequence[str] | None, *, table: bool) -> dict[str, object]:
    """The arguments that ask for rows: of all, of these hashes, or RECENT. An empty list of hashes means all: never."""
    asked: dict[str, object] = {"fields": ROW_FIELDS}
    if ids is not None:
        asked["ids"] = ids
    return asked | ({"format": "table"} if table else {})


def split_rows(listed: Torrents, *, table: bool) -> tuple[tuple[str, ...] | None, list[msgspec.Raw]]:
    """The table's header (None for objects) and the raw rows below it."""
    if not table:
        return None, listed.torrents
    if not listed.torrents:
        raise ClientProtocolError("torrent-get: a table without its header")
    return parse("torrent-get", listed.torrents[0], tuple[str, ...]), listed.torrents[1:]


def parse_row(header: tuple[str, ...] | None, raw: msgspec.Raw) -> Row:
    """One torrent, out of an object or a line of a table."""
    if header is None:
        return parse("torrent-get", raw, Row)
    if header == ROW_FIELDS:
        return parse("torrent-get", raw, TableRow)
    cells = dict(zip(header, parse("torrent-get", raw, list[Any]), strict=False))
    try:
        return msgspec.convert(cells, Row)
    except msgspec.ValidationError as error:
        raise ClientProtocolError(f"torrent-get answered another shape: {error}") from None


def kilobytes(limit: int) -> int:
    """Bytes/s as kB/s, rounded up: a small limit must not become none at all."""
    return -(-limit // KILOBYTE)


def add_request(*, torrent: bytes | None, magnet: str | None, save_path: str | None, paused: bool) -> dict[str, object]:
    """The arguments of an add; always says whether paused, because the daemon's default can be either."""
    asked: dict[str, object] = {"paused": paused}
    if torrent is not None:
        asked["metainfo"] = base64.b64encode(torrent).decode("ascii")
    else:
        asked["filename"] = magnet
    return asked | ({"download-dir": save_path} if save_path else {})
