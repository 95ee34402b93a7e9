"""What the API's documents look like. Values only; field names are the API's promise and are only ever added to."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Generic, Literal, TypeVar

import msgspec
from msgspec import Meta

from sluice_common.contracts.commands import Position
from sluice_common.contracts.doctor import Finding, Verdict
from sluice_common.contracts.library import Association, Import
from sluice_common.model.download import Download, RemoteFile
from sluice_gateway import changes
from sluice_gateway.live.freshness import ClientState
from sluice_gateway.live.rows import Entry, Overlay, finite, progress

T = TypeVar("T")

Bytes = Annotated[int, Meta(description="bytes", examples=[1_468_006_400])]
Speed = Annotated[int, Meta(description="bytes per second", examples=[2_097_152])]
ClientName = Annotated[str, Meta(description="the client's name in the configuration", examples=["deluge"])]
DownloadId = Annotated[
    str,
    Meta(description="the download's id, fixed at first sight", examples=["c12fe1c06bba254a9dc9f519b335aa7c1367a88a"]),
]


class Items(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """Some rows; `next`, where there is one, is the cursor of the rest."""

    items: list[T]
    next: Annotated[str | None, Meta(description="pass as `cursor` to get the rows behind these")] = None


class TablePosition(msgspec.Struct, frozen=True, kw_only=True):
    """A place in a client's table, comparable while the incarnation is the same; valid on every gateway."""

    incarnation: str
    sequence: int


class ImportOverlay(msgspec.Struct, frozen=True, kw_only=True):
    """How far the import of a download is. `none` until there is one."""

    state: Annotated[
        str,
        Meta(
            description="none, waiting, planned, importing, imported, blocked, failed, ignored", examples=["imported"]
        ),
    ]
    reason: Annotated[str | None, Meta(examples=["unknown_media"])] = None
    message: str | None = None
    id: Annotated[str | None, Meta(description="the import's id")] = None


class QueueRow(msgspec.Struct, frozen=True, kw_only=True):
    """One download on its three axes: progress (`state`), health, import. Unknown is null, never a magic number."""

    client: ClientName
    id: DownloadId
    epoch: Annotated[str, Meta(description="tells a download that was added again from the earlier one")]
    name: Annotated[str, Meta(examples=["Sintel (2010) 1080p"])]
    kind: Annotated[str, Meta(examples=["torrent"])]
    state: Annotated[
        str,
        Meta(
            description="queued, fetching_metadata, downloading, checking, moving, paused, seeding, completed, unknown",
            examples=["downloading"],
        ),
    ]
    health: Annotated[str, Meta(description="ok, warning, error, unknown", examples=["ok"])]
    import_: ImportOverlay = msgspec.field(name="import")
    owner: Annotated[str, Meta(description="who imports it: sluice, an app's name, or none", examples=["sluice"])]
    stale: Annotated[bool, Meta(description="no complete poll of the client has confirmed this row lately")]
    is_complete: bool = False
    reason: Annotated[str | None, Meta(description="why health is not ok", examples=["tracker_error"])] = None
    message: Annotated[str | None, Meta(description="the client's own words")] = None
    progress: Annotated[float | None, Meta(description="share of the wanted bytes, 0 to 1", examples=[0.42])] = None
    size: Bytes | None = None
    total_size: Bytes | None = None
    done: Bytes | None = None
    down_speed: Speed | None = None
    up_speed: Speed | None = None
    eta: Annotated[int | None, Meta(description="seconds")] = None
    ratio: float | None = None
    seeding_time: Annotated[
        int | None,
        Meta(
            description="seconds, as the client counts them; while nothing else changes, up to a minute or a twentieth "
            "behind"
        ),
    ] = None
    seeds: int | None = None
    peers: int | None = None
    category: Annotated[str | None, Meta(examples=["movies"])] = None
    tags: list[str] = []
    tracker: Annotated[str | None, Meta(description="the tracker's host name only")] = None
    private: bool | None = None
    save_path: Annotated[str | None, Meta(description="as the client sees its disk")] = None
    content_path: Annotated[str | None, Meta(description="as the client sees its disk")] = None
    added_at: datetime | None = None
    completed_at: datetime | None = None
    age_seconds: Annotated[float | None, Meta(description="since the client's last complete poll")] = None
    position: TablePosition | None = None
    forced: Annotated[bool, Meta(description="it transfers past the limits of its client's queue")] = False


class ClientTrouble(msgspec.Struct, frozen=True, kw_only=True):
    """A client whose rows may be behind the truth, and why."""

    name: ClientName
    health: str
    stale: bool
    reason: Annotated[str | None, Meta(examples=["unreachable"])] = None
    message: Annotated[str | None, Meta(examples=["connection refused"])] = None
    last_good_poll: datetime | None = None


class QueuePage(msgspec.Struct, frozen=True, kw_only=True):
    """Part of the queue in the asked order, how many rows match in all, and every client that has a problem."""

    items: list[QueueRow]
    total: int
    clients: list[ClientTrouble]
    next: Annotated[str | None, Meta(description="pass as `cursor` to get the rows behind these")] = None


class ClientRow(msgspec.Struct, frozen=True, kw_only=True):
    """One configured client as the poller last saw it."""

    name: ClientName
    type: Annotated[str, Meta(examples=["deluge"])]
    enabled: bool
    health: str
    stale: bool
    reason: str | None = None
    message: str | None = None
    last_good_poll: datetime | None = None
    age_seconds: float | None = None
    latency_ms: float | None = None
    version: Annotated[str | None, Meta(examples=["2.2.0"])] = None
    free_space: Bytes | None = None
    down_speed: Speed | None = None
    up_speed: Speed | None = None
    downloads: int = 0


class FileRow(msgspec.Struct, frozen=True, kw_only=True):
    """One file of a download; `path` is relative to the save path, as the client tells it."""

    index: int
    path: Annotated[str, Meta(examples=["Sintel (2010)/Sintel.mkv"])]
    size: Bytes
    done: Bytes | None = None
    wanted: bool = True


class FilePage(msgspec.Struct, frozen=True, kw_only=True):
    """Some files; `next`, where there is one, is the `start` of the rest."""

    items: list[FileRow]
    total: int
    next: int | None = None


class DownloadDetail(QueueRow, frozen=True, kw_only=True):
    """A queue row with its import, as far as the importer answers."""

    last_import: Annotated[
        Import | None, Meta(description="with its files; null where there is none, or no answer")
    ] = None
    association: Annotated[
        Association | None,
        Meta(description="what it was added for, as the importer knows it; null where there is none, or no answer"),
    ] = None
    aliases: Annotated[list[str], Meta(description="every name that its client may call it by")] = []
    first_seen: Annotated[datetime | None, Meta(description="when Sluice first saw it")] = None


class AddedRow(QueueRow, frozen=True, kw_only=True):
    """The row of what was added, or put in another category."""

    note: Annotated[str | None, Meta(description="why Sluice will not import it; null where it will")] = None


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """A command was carried out; its effect shows at `position`, and in `download` unless the row is gone."""

    client: ClientName
    id: DownloadId
    epoch: str | None = None
    position: TablePosition | None = None
    download: QueueRow | None = None
    note: Annotated[str | None, Meta(description="of an add or a new category: why Sluice will not import it")] = None


class NewDownload(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to add: exactly one of `magnet`, `url` and `torrent`."""

    client: Annotated[str, Meta(description="may be left out where one client is configured")] | None = None
    magnet: (
        Annotated[
            str,
            Meta(max_length=65536, examples=["magnet:?xt=urn:btih:c12fe1c06bba254a9dc9f519b335aa7c1367a88a&dn=Sintel"]),
        ]
        | None
    ) = None
    url: (
        Annotated[str, Meta(max_length=8192, description="of a .torrent; fetched by Sluice, never by the client")]
        | None
    ) = None
    torrent: Annotated[bytes | None, Meta(description="the .torrent's bytes (at most 5 MiB), base64")] = None
    category: Annotated[str, Meta(max_length=255, examples=["movies"])] | None = None
    save_path: Annotated[str, Meta(max_length=4096, description="absolute, as the client sees its disk")] | None = None
    paused: bool = False
    tags: changes.Tags = ()
    sequential: Annotated[bool, Meta(description="fetch the pieces in order")] = False
    first_last: Annotated[bool, Meta(description="fetch each file's first and last pieces first")] = False
    download_limit: changes.Limit | None = None
    upload_limit: changes.Limit | None = None
    media_item: Annotated[str, Meta(max_length=128, description="what it is: the id of a media item")] | None = None


class Target(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One download, as the queue names it."""

    client: Annotated[str, Meta(max_length=64, examples=["deluge"])]
    id: Annotated[str, Meta(max_length=128, examples=["c12fe1c06bba254a9dc9f519b335aa7c1367a88a"])]


class Bulk(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One action on many downloads."""

    action: Literal["pause", "resume", "recheck", "retry", "remove", "edit"]
    items: Annotated[tuple[Target, ...], Meta(min_length=1, max_length=1000)]
    data: Annotated[bool, Meta(description="of remove: also delete what was downloaded")] = False
    edit: changes.Edit | None = None


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """Why one of many was not done; the words of the problem that the single command would have answered."""

    code: Annotated[str, Meta(examples=["unknown_download"])]
    status: Annotated[int, Meta(examples=[404])]
    detail: str


class BulkItem(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one item: the effect shows at `position`, or `problem` says why there is none."""

    client: ClientName
    id: DownloadId
    epoch: str | None = None
    position: TablePosition | None = None
    note: Annotated[str | None, Meta(description="of a new category: why Sluice will not import it")] = None
    problem: Refusal | None = None


class BulkResult(msgspec.Struct, frozen=True, kw_only=True):
    """A result for each item, in the order of the request."""

    items: list[BulkItem]
    done: int
    failed: int


class Steered(msgspec.Struct, frozen=True, kw_only=True):
    """The client was changed; what that did to its rows shows at `position`."""

    client: ClientName
    position: TablePosition | None = None


class Diagnosis(msgspec.Struct, frozen=True, kw_only=True):
    """All checks of a set-up, and the worst of them; `unknown` is what could not be tried."""

    status: Annotated[str, Meta(description="failed, warning, unknown, ok", examples=["warning"])]
    items: list[Finding]


class NewMedia(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A movie or a series to know."""

    kind: Annotated[str, Meta(pattern="^(movie|series)$", examples=["movie"])]
    title: Annotated[str, Meta(min_length=1, max_length=300, examples=["Sintel"])]
    year: Annotated[int, Meta(ge=1870, le=2200, examples=[2010])] | None = None
    library: Annotated[str, Meta(max_length=32, examples=["movies"])] | None = None


_Number = Annotated[int, Meta(ge=0, le=99999)]


class NewMediaEpisode(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One episode; season 0 holds the specials. `scene_…` are the numbers it is released under where they differ."""

    season: _Number
    number: _Number
    absolute: Annotated[_Number, Meta(description="counts through all seasons")] | None = None
    air_date: Annotated[date, Meta(description="the broadcaster's local date")] | None = None
    title: Annotated[str, Meta(max_length=300)] | None = None
    scene_season: _Number | None = None
    scene_number: _Number | None = None
    scene_absolute: _Number | None = None


class NewMediaEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A movie or a series with what is known of it."""

    kind: Annotated[str, Meta(examples=["series"])]
    title: Annotated[str, Meta(examples=["Some Show"])]
    year: int | None = None
    sort_title: str | None = None
    library: str | None = None
    alternative_titles: tuple[str, ...] = ()
    external_ids: Annotated[dict[str, str], Meta(examples=[{"tvdb": "73739"}])] = {}
    episodes: tuple[NewMediaEpisode, ...] = ()


class NewMediaList(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Many at once."""

    items: Annotated[tuple[NewMediaEntry, ...], Meta(min_length=1, max_length=500)]


class NewTitle(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a movie or a series is really called; without a year it keeps the one it has."""

    title: Annotated[str, Meta(min_length=1, max_length=300, examples=["Sintel"])]
    year: Annotated[int, Meta(ge=1870, le=2200, examples=[2010])] | None = None


class NewAttempt(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How to try an import again."""

    media_item: Annotated[str, Meta(max_length=128, description="what it is for: the id of a media item")] | None = None


def table_position(place: Position | None) -> TablePosition | None:
    """A position as the API tells it."""
    return TablePosition(incarnation=place.incarnation, sequence=place.sequence) if place is not None else None


def diagnosis(found: list[Finding]) -> Diagnosis:
    """The findings with the worst of their verdicts."""
    worst = [Verdict.FAILED, Verdict.WARNING, Verdict.UNKNOWN]
    status = next((verdict for verdict in worst if any(one.status == verdict for one in found)), Verdict.OK)
    return Diagnosis(status=status.value, items=found)


def queue_row(entry: Entry, client: ClientState, position: TablePosition | None) -> QueueRow:
    """The row as the API shows it."""
    return QueueRow(**row_fields(entry, client, position))


def row_fields(entry: Entry, client: ClientState, position: TablePosition | None) -> dict[str, Any]:
    """A row's fields by name."""
    row: Download = entry.download
    copied = {name: getattr(row, name) for name in _COPIED}
    return copied | {
        "state": row.state.value,
        "health": row.health.value,
        "reason": row.reason.value if row.reason is not None else None,
        "import_": _import(entry.overlay),
        "owner": entry.owner,
        "stale": client.stale,
        "age_seconds": client.age_seconds,
        "progress": progress(row),
        "ratio": finite(row.ratio),
        "tags": list(row.tags),
        "position": position,
    }


_COPIED = (
    "client",
    "id",
    "epoch",
    "name",
    "kind",
    "is_complete",
    "message",
    "size",
    "total_size",
    "done",
    "down_speed",
    "up_speed",
    "eta",
    "seeding_time",
    "seeds",
    "peers",
    "category",
    "tracker",
    "private",
    "save_path",
    "content_path",
    "added_at",
    "completed_at",
    "forced",
)


def _import(overlay: Overlay) -> ImportOverlay:
    return ImportOverlay(
        state=overlay.state.value, reason=overlay.reason, message=overlay.message, id=overlay.import_id
    )


def client_trouble(state: ClientState) -> ClientTrouble:
    """A troubled client as an answer names it."""
    return ClientTrouble(
        name=state.name,
        health=state.health,
        stale=state.stale,
        reason=state.reason,
        message=state.message,
        last_good_poll=state.last_good_poll,
    )


def file_row(file: RemoteFile) -> FileRow:
    """A client's file as the API shows it."""
    return FileRow(index=file.index, path=file.path, size=file.size, done=file.done, wanted=file.wanted)
