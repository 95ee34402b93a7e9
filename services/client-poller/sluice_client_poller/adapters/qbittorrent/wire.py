"""qBittorrent's WebAPI as values: forms are built, replies parsed and merged. No socket, no clock, no `Download`."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

import msgspec

from sluice_client_poller.adapters.port import NewDownload
from sluice_common.kit.errors import ClientAuthFailed, ClientProtocolError, ClientUnavailable, Problem

T = TypeVar("T")

PREFIX = "api/v2/"
STOPS_SINCE = (2, 11)  # of the WebAPI, qBittorrent 5.0: `stop` and `start` instead of `pause` and `resume`
ADDS_TAGS_SINCE = (2, 6, 2)  # qBittorrent 4.3: an add's tags are passed over before
VERSION = r"v?\d+\.\d+[\w.+-]*"
_SHOWN = 200


class OutOfStep(ClientProtocolError):
    """A delta names a torrent of which the whole is not known: what was added up is not what the client has."""


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """One HTTP answer as it came."""

    path: str
    status: int
    content_type: str = ""
    body: bytes = b""
    # What a 401 asks for (RFC 9110, 11.6.1); qBittorrent itself asks for nothing.
    challenge: str = ""


class Row(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One torrent as qBittorrent tells it. The required keys are what completion and identity rest on."""

    name: str
    state: str
    added_on: int
    progress: float
    size: int
    save_path: str
    amount_left: int | None = None
    category: str = ""
    completed: int | None = None
    completion_on: int | None = None
    content_path: str = ""
    dlspeed: int | None = None
    download_path: str = ""
    eta: int | None = None
    has_metadata: bool | None = None
    has_tracker_error: bool = False
    infohash_v1: str = ""
    infohash_v2: str = ""
    num_leechs: int | None = None
    num_seeds: int | None = None
    private: bool | None = None
    ratio: float | None = None
    seeding_time: int | None = None
    tags: str = ""
    total_size: int | None = None
    tracker: str = ""
    upspeed: int | None = None


_FIELDS = Row.__struct_fields__
# What many torrents have in common: held once for all of them, not once for each.
_COMMON = ("state", "category", "save_path", "download_path", "tags", "tracker")
_SIZES = ("total_size", "completed")
# What a delta says of a known torrent: the same fields, each only when it changed.
_Patch = msgspec.defstruct(
    "_Patch",
    [(field.name, field.type | msgspec.UnsetType, msgspec.UNSET) for field in msgspec.structs.fields(Row)],
    frozen=True,
    kw_only=True,
)


class Totals(msgspec.Struct, frozen=True, kw_only=True):
    """The session: speeds and the limit now in force in bytes/s, free space in bytes; in a delta None is unchanged."""

    dl_info_speed: int | None = None
    up_info_speed: int | None = None
    free_space_on_disk: int | None = None
    connection_status: str | None = None
    dl_rate_limit: int | None = None


class MainData(msgspec.Struct, frozen=True, kw_only=True):
    """A reply of `sync/maindata`: everything (`full_update`), or what changed since the `rid` that was asked with.

    Rows are still raw. A full one of an empty client has no `torrents` in 5.x.
    """

    rid: int
    full_update: bool = False
    torrents: dict[str, msgspec.Raw] = {}
    torrents_removed: tuple[str, ...] = ()
    server_state: Totals = Totals()


class FileEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One file; `name` is relative to the save path, progress 0 to 1, a priority of 0 means not wanted."""

    name: str
    size: int
    progress: float = 0.0
    priority: int = 1
    index: int | None = None


class Category(msgspec.Struct, frozen=True, rename={"save_path": "savePath"}):
    """A category; its folder is empty where it has none of its own."""

    save_path: str = ""


class _Listed(msgspec.Struct, frozen=True):
    hash: str


def not_found(download_id: str) -> Problem:
    """What a command on a torrent that is not there comes to."""
    return Problem("not_found", 404, "this client has no such download; it may just have been removed", id=download_id)


def checked(reply: Reply) -> bytes:
    """The body of a good answer. Raises the ClientError that any other means; 403 is for who can log in again."""
    if reply.status == 401:
        checked_unauthorized(reply)
        raise ClientAuthFailed("qBittorrent, or the web server in front of it, answered 401; check the URL")
    if reply.status in (502, 503, 504):
        raise ClientUnavailable(f"the web server in front of qBittorrent answered {reply.status}")
    if reply.status not in (200, 202, 204):
        raise ClientProtocolError(f"{reply.path}: HTTP {reply.status}; is the URL that of qBittorrent's web interface?")
    return reply.body


def parse(reply: Reply, kind: type[T]) -> T:
    """The answer's JSON as a `kind`. Raises ClientProtocolError with the place that did not fit."""
    body = checked(reply)
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as error:
        raise ClientProtocolError(f"{reply.path} answered another shape: {error}") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        told = reply.content_type.partition(";")[0][:40] or "no content type"
        raise ClientProtocolError(f"{reply.path}: {len(body)} bytes of {told} that are not its JSON") from None


def parse_text(reply: Reply, pattern: str) -> str:
    """A short answer in plain text that must match `pattern` as a whole, e.g. a version."""
    body = checked(reply)
    text = body[:_SHOWN].decode("utf-8", "replace").strip()
    if not re.fullmatch(pattern, text):
        raise ClientProtocolError(f"{reply.path}: {len(body)} bytes that are not its answer; is the URL qBittorrent's?")
    return text


def parse_list(reply: Reply) -> list[tuple[str, msgspec.Raw]]:
    """The answer of `torrents/info`: ids with their raw rows."""
    raws = parse(reply, list[msgspec.Raw])
    return [(_parse_raw(raw, _Listed).hash.lower(), raw) for raw in raws]


def merge(known: Row | None, raw: msgspec.Raw) -> Row:
    """A row, or what changed of it, on top of what is known. What is unknown must come whole."""
    if known is None:
        return _parse_raw(raw, Row, OutOfStep)
    patch = _parse_raw(raw, _Patch)
    changes = {name: value for name in _FIELDS if (value := getattr(patch, name)) is not msgspec.UNSET}
    return msgspec.structs.replace(known, **_shared(changes)) if changes else known


def frugal(torrent_id: str, row: Row, known: Row | None) -> Row:
    """An equal row that holds nothing which is held already: by `known`, an older one of the same torrent, by other
    torrents, or by itself: a quarter of all that a row takes in the poller (2.6 kB, measured)."""
    if known is not None:
        return _updated(known, row)
    values = {name: getattr(row, name) for name in _COMMON} | {
        name: row.size for name in _SIZES if getattr(row, name) == row.size
    }
    if row.infohash_v1 == torrent_id:
        values["infohash_v1"] = torrent_id
    return msgspec.structs.replace(row, **_shared(values))


def _updated(known: Row, row: Row) -> Row:
    changes = {name: value for name in _FIELDS if (value := getattr(row, name)) != getattr(known, name)}
    return msgspec.structs.replace(known, **_shared(changes)) if changes else known


def _shared(values: dict[str, Any]) -> dict[str, Any]:
    """The same, in which texts that many torrents have in common are one object."""
    return {name: sys.intern(value) if name in _COMMON else value for name, value in values.items()}


def merge_totals(known: Totals, new: Totals) -> Totals:
    """The totals after a delta."""
    changes = {name: value for name, value in msgspec.structs.asdict(new).items() if value is not None}
    return msgspec.structs.replace(known, **changes)


def _parse_raw(raw: msgspec.Raw, kind: type[T], failure: type[ClientProtocolError] = ClientProtocolError) -> T:
    try:
        return msgspec.json.decode(raw, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise failure(f"a torrent's row has another shape: {error}") from None


def needs_log_in(reply: Reply) -> bool:
    """Whether it wants to know who asks. `setLocation` answers 403 too, in words, for a folder it cannot write to."""
    if reply.status != 403:
        return False
    return reply.path != "torrents/setLocation" or in_words(reply.body) in ("", "Forbidden") or b"banned" in reply.body


def parse_login(reply: Reply) -> bool:
    """Whether the log-in was accepted. Up to 5.1 it says so in words, from 5.2 on by its status."""
    if reply.status == 204:
        return True
    if reply.status == 401 or (reply.status == 200 and reply.body.strip() == b"Fails."):
        return False
    return parse_text(reply, r"Ok\.") == "Ok."


def login_refused(reply: Reply) -> str:
    """Why a log-in was not accepted. Up to 5.1 a 401 is about the Host header, from 5.2 on about the password."""
    words = "qBittorrent refused the user name or password; set those of its web interface"
    if reply.status != 401:
        return words
    return f"{words}. Behind another web server that one must send qBittorrent's own address as Host"


def checked_refusal(reply: Reply, *, logging_in: bool = False) -> None:
    """Raise ClientProtocolError for a 403 that is not qBittorrent's: a page of another program, or of a proxy.

    Its own are plain text, recorded from 4.5.2 and 5.1.0: `Forbidden` where there is no session, and for the log-in,
    which is open to all, only a ban, in the language of its user.
    """
    told = reply.content_type.partition(";")[0].strip().lower()
    words = reply.body.strip()
    is_own = told == "text/plain" and words != b"" and not words.startswith(b"<")
    if not is_own or (logging_in and words == b"Forbidden"):
        raise ClientProtocolError(
            f"{reply.path}: 403, but not in qBittorrent's words; this does not look like qBittorrent, is the URL right?"
        )


def checked_unauthorized(reply: Reply) -> None:
    """Raise ClientProtocolError for a 401 that is a page or a document: qBittorrent's own is plain text, or nothing.

    One with a challenge is a proxy's that wants a password, whatever page it shows beside it.
    """
    told = reply.content_type.partition(";")[0].strip().lower()
    if reply.challenge:
        return
    if told not in ("", "text/plain") or reply.body.lstrip().startswith((b"<", b"{")):
        raise ClientProtocolError(
            f"{reply.path}: 401, but not in qBittorrent's words: another program, or a log-in page in front of it; "
            "this does not look like qBittorrent, is the URL right?"
        )


def refusal(reply: Reply) -> str:
    """Why the log-in itself is forbidden: a ban, or a host name that qBittorrent does not know as its own."""
    if b"banned" in reply.body:
        return "qBittorrent has banned our address after wrong passwords; set the right one, the ban ends by itself"
    return "qBittorrent refuses us (403); does its web interface allow this host name (server domains)?"


def cookies(known: Mapping[str, str], headers: Iterable[str]) -> dict[str, str]:
    """The cookies to echo after an answer's `Set-Cookie` headers, with whatever names they have.

    By hand: a cookie jar drops them when the client's clock is behind ours, or when a proxy changes the path.
    """
    after = dict(known)
    for header in headers:
        name, equals, value = header.partition(";")[0].partition("=")
        if equals and name.strip():
            after[name.strip()] = value.strip()
    return after


def numbers(version: str) -> tuple[int, ...]:
    """`2.8.19` as numbers that compare."""
    return tuple(int(part) for part in re.findall(r"\d+", version))


def flag(value: bool) -> str:
    """A boolean as a form's field."""
    return "true" if value else "false"


def add_fields(new: NewDownload) -> dict[str, str]:
    """The fields of an add. It always says whether stopped (4.x reads `paused`, 5.x `stopped`): defaults differ.

    A save path counts only without automatic management; without one the client's own setting decides.
    """
    fields = {"paused": flag(new.paused), "stopped": flag(new.paused)}
    if new.save_path:
        fields |= {"savepath": new.save_path, "autoTMM": flag(False)}
    if new.sequential:
        fields["sequentialDownload"] = flag(True)
    if new.first_last:
        fields["firstLastPiecePrio"] = flag(True)
    asked = {
        "category": new.category,
        "tags": ",".join(new.tags),
        "dlLimit": str(new.download_limit or ""),
        "upLimit": str(new.upload_limit or ""),
    }
    return fields | {name: value for name, value in asked.items() if value}


def torrent_file(info_hash: str, data: bytes) -> dict[str, tuple[str, bytes, str]]:
    """The part of an add that holds a .torrent. The file's name is ours."""
    return {"torrents": (f"{info_hash}.torrent", data, "application/x-bittorrent")}


def plain_magnet(uri: str, info_hash: str, info_hash_v2: str | None) -> str:
    """The magnet as libtorrent reads it: lower-case hashes first, then its other fields unchanged.

    No white space is left: qBittorrent takes several links, one a line.
    """
    fields = "%20".join(uri.split()).partition("?")[2].split("&")
    rest = [field for field in fields if field and not re.match(r"xt(\.\d+)?=", field, re.IGNORECASE)]
    v1 = [] if info_hash_v2 is not None and info_hash_v2.startswith(info_hash) else [f"xt=urn:btih:{info_hash}"]
    v2 = [f"xt=urn:btmh:1220{info_hash_v2}"] if info_hash_v2 is not None else []
    return "magnet:?" + "&".join([*v1, *v2, *rest])


def in_words(body: bytes) -> str:
    """The first line of an answer in plain text, bounded."""
    return body[:_SHOWN].decode("utf-8", "replace").partition("\n")[0].strip()
