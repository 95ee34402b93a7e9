"""deluge-web's JSON-RPC as values: requests are built, replies parsed. No socket, no clock, no `Download` here."""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from typing import TypeVar

import msgspec

from sluice_client_poller.adapters.port import NewDownload
from sluice_client_poller.adapters.words import scrub
from sluice_common.kit.errors import ClientAuthFailed, ClientProtocolError, ClientUnavailable

T = TypeVar("T")

_LOOKING = ("auth.", "core.get_", "daemon.get_version", "label.get_", "system.listMethods", "web.")
NOT_AUTHENTICATED = 1
UNKNOWN_METHOD = 2  # not logged in and not connected to a daemon look alike: both are "Unknown method"
COOKIE = "_session_id"
KIBIBYTE = 1024

ROW_KEYS = (
    "auto_managed",
    "completed_time",
    "download_payload_rate",
    "eta",
    "is_finished",
    "label",
    "message",
    "name",
    "num_files",
    "num_peers",
    "num_seeds",
    "private",
    "ratio",
    "save_path",
    "seeding_time",
    "state",
    "time_added",
    "total_done",
    "total_remaining",
    "total_size",
    "total_wanted",
    "tracker_host",
    "tracker_status",
    "upload_payload_rate",
)
FILE_KEYS = ("files", "file_progress", "file_priorities")
STANDING_KEYS = (
    "auto_managed",
    "file_priorities",
    "label",
    "max_download_speed",
    "max_upload_speed",
    "num_files",
    "queue",
    "save_path",
    "state",
    "stop_at_ratio",
    "stop_ratio",
    "trackers",
)
TERMS_KEYS = (*STANDING_KEYS, "prioritize_first_last_pieces", "sequential_download")
LIMIT_KEYS = ("max_download_speed", "max_upload_speed")
TOTALS_KEYS = ("payload_download_rate", "payload_upload_rate", "net.recv_bytes", "net.sent_bytes")

_WORDS = re.compile(r"<class '[\w.]*?(?P<kind>\w+)'>: (?P<words>[^\n]*)")
_WORDS_SHOWN = 200


class Refused(ClientProtocolError):
    """Deluge answered with an error. `code` is deluge-web's, `kind` the class of the daemon's exception or ""."""

    def __init__(self, method: str, code: int, kind: str, words: str) -> None:
        super().__init__(f"{method}: {words} (code {code})")
        self.code = code
        self.kind = kind
        self.words = words


class Error(msgspec.Struct, frozen=True):
    """The error of a reply."""

    message: str = ""
    code: int = 0


class Reply(msgspec.Struct, frozen=True):
    """A reply whose result is not parsed yet. A reply without `result` is no reply."""

    result: msgspec.Raw
    error: Error | None = None


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One torrent as Deluge tells it. The required keys are what completion and identity rest on."""

    name: str
    state: str
    is_finished: bool
    time_added: float
    total_wanted: int
    total_remaining: int
    save_path: str
    auto_managed: bool | None = None
    completed_time: float | None = None
    download_payload_rate: float | None = None
    eta: float | None = None
    label: str | None = None
    message: str | None = None
    num_files: int | None = None
    num_peers: int | None = None
    num_seeds: int | None = None
    private: bool | None = None
    ratio: float | None = None
    seeding_time: float | None = None
    total_done: int | None = None
    total_size: int | None = None
    tracker_host: str | None = None
    tracker_status: str | None = None
    upload_payload_rate: float | None = None


class FileEntry(msgspec.Struct, frozen=True):
    """One file; `path` is relative to the torrent's save path."""

    index: int
    path: str
    size: int


class Files(msgspec.Struct, frozen=True):
    """A torrent's files; progress is 0 to 1, a priority of 0 means not wanted. All empty without metadata."""

    files: tuple[FileEntry, ...]
    file_progress: tuple[float, ...] = ()
    file_priorities: tuple[int, ...] = ()


class Tracker(msgspec.Struct, frozen=True):
    """One tracker; the address carries pass keys and is never told."""

    url: str
    tier: int = 0


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """What can be changed in a torrent, as it stands. Limits are KiB/s, of which -1 is none.

    A priority of 0 is a file that is not wanted; there are none without metadata. `queue` is -1 for what has
    finished. `label` is there only with the plugin.
    """

    auto_managed: bool
    file_priorities: tuple[int, ...] = ()
    label: str = ""
    max_download_speed: float
    max_upload_speed: float
    num_files: int = 0
    queue: int
    save_path: str
    state: str
    stop_at_ratio: bool
    stop_ratio: float
    trackers: tuple[Tracker, ...] = ()


class Agreed(Standing, frozen=True, kw_only=True):
    """The same with what is only chosen at an add."""

    prioritize_first_last_pieces: bool = False
    sequential_download: bool = False


class SpeedLimits(msgspec.Struct, frozen=True):
    """The limits of the whole daemon in KiB/s; -1 is none."""

    max_download_speed: float
    max_upload_speed: float


class Totals(msgspec.Struct, frozen=True, rename={"received": "net.recv_bytes", "sent": "net.sent_bytes"}):
    """The session: speeds in bytes/s, traffic in bytes since the daemon started."""

    payload_download_rate: float | None = None
    payload_upload_rate: float | None = None
    received: int | None = None
    sent: int | None = None


def only_looks(method: str) -> bool:
    """Whether a method changes no download; what connects deluge-web to its daemon does not."""
    return method.startswith(_LOOKING)


def request(method: str, params: Sequence[object]) -> bytes:
    """The body of a POST to `/json`."""
    return msgspec.json.encode({"method": method, "params": params, "id": 1})


def parse_reply(method: str, status: int, content_type: str, body: bytes) -> msgspec.Raw:
    """The raw result. Raises Refused for Deluge's own error, or the ClientError that the HTTP answer means."""
    if status in (401, 403):
        raise ClientAuthFailed(f"the web server in front of Deluge answered {status}; check the URL and its log-in")
    if status in (502, 503, 504):
        raise ClientUnavailable(f"the web server in front of Deluge answered {status}")
    if status != 200:
        raise ClientProtocolError(f"HTTP {status} instead of deluge-web's JSON; is the URL deluge-web's?")
    try:
        reply = msgspec.json.decode(body, type=Reply)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        told = content_type.partition(";")[0][:40] or "no content type"
        raise ClientProtocolError(f"{len(body)} bytes of {told} that are no JSON-RPC reply to {method}") from None
    if reply.error is not None:
        kind, words = explain(reply.error.message)
        raise Refused(method, reply.error.code, kind, words)
    return reply.result


def explain(message: str) -> tuple[str, str]:
    """The daemon's exception class and its first line out of a Twisted failure, bounded and without addresses."""
    found = _WORDS.search(message)
    kind, words = (found["kind"], found["words"]) if found else ("", message.partition("\n")[0])
    return kind, scrub(words)[:_WORDS_SHOWN]


def parse(method: str, raw: msgspec.Raw, kind: type[T]) -> T:
    """The result as a `kind`. Raises ClientProtocolError with the place that did not fit."""
    try:
        return msgspec.json.decode(raw, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ClientProtocolError(f"{method} answered another shape: {error}") from None


def parse_rows(raw: msgspec.Raw) -> dict[str, msgspec.Raw]:
    """The torrents by id, each still raw. `null` is a daemon that is not there, never an empty list."""
    if bytes(raw).strip() == b"null":
        raise ClientUnavailable("deluge-web is not connected to its daemon")
    return parse("core.get_torrents_status", raw, dict[str, msgspec.Raw])


def parse_row(raw: msgspec.Raw) -> Row | None:
    """One torrent; None for `{}`, which is what Deluge answers for one that it does not have (any more)."""
    if bytes(raw).strip() == b"{}":
        return None
    return parse("core.get_torrents_status", raw, Row)


class LabelOptions(msgspec.Struct, frozen=True):
    """What a label changes of its torrents; only moving is of interest."""

    apply_move_completed: bool = False
    move_completed: bool = False
    move_completed_path: str = ""


def parse_label_folder(raw: msgspec.Raw) -> str | None:
    """The folder a label moves finished downloads to, None where it does not move them."""
    options = parse("label.get_options", raw, LabelOptions)
    moves = options.apply_move_completed and options.move_completed
    return options.move_completed_path or None if moves else None


def parse_files(raw: msgspec.Raw) -> Files | None:
    """A torrent's files; None where Deluge does not have the torrent."""
    if bytes(raw).strip() == b"{}":
        return None
    return parse("core.get_torrent_status", raw, Files)


def parse_standing(raw: msgspec.Raw) -> Standing | None:
    """What stands of a torrent; None where Deluge does not have it."""
    if bytes(raw).strip() == b"{}":
        return None
    return parse("core.get_torrent_status", raw, Standing)


def parse_agreed(raw: msgspec.Raw) -> Agreed | None:
    """What was set on a torrent; None where Deluge does not have it."""
    if bytes(raw).strip() == b"{}":
        return None
    return parse("core.get_torrent_status", raw, Agreed)


def session_cookie(headers: Sequence[str]) -> str | None:
    """The `Cookie` header to echo, out of the `Set-Cookie` headers of a log-in.

    Echoed by hand: a cookie jar drops it when the client's clock is behind ours, or when a proxy changes the path.
    """
    for header in headers:
        name, _, value = header.partition(";")[0].partition("=")
        if name.strip() == COOKIE and value.strip():
            return f"{COOKIE}={value.strip()}"
    return None


def kibibytes(limit: int) -> float:
    """Bytes/s as KiB/s, to the byte; what limits nothing is -1, and so is 0 to us."""
    return limit / KIBIBYTE if limit > 0 else -1.0


def limited(told: float) -> int | None:
    """KiB/s as bytes/s, None where it limits nothing."""
    return int(told * KIBIBYTE) or None if told > 0 else None


def add_options(new: NewDownload) -> dict[str, object]:
    """The options of an add; always says whether paused, because the daemon's default can be either."""
    asked: dict[str, object] = {"add_paused": new.paused}
    asked |= {"download_location": new.save_path} if new.save_path else {}
    asked |= {"sequential_download": True} if new.sequential else {}
    asked |= {"prioritize_first_last_pieces": True} if new.first_last else {}
    limits = {"max_download_speed": new.download_limit, "max_upload_speed": new.upload_limit}
    return asked | {name: kibibytes(limit) for name, limit in limits.items() if limit is not None}


def torrent_file(info_hash: str, data: bytes) -> tuple[str, str]:
    """File name and content of `core.add_torrent_file`. The name is ours: Deluge may write a copy under it."""
    return f"{info_hash}.torrent", base64.b64encode(data).decode("ascii")
