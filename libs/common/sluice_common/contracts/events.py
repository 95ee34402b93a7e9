"""Lifecycle events: CloudEvents 1.0, with ids that make every repetition recognisable."""

from __future__ import annotations

import builtins
import hashlib
from datetime import datetime
from typing import Any, TypeVar

import msgspec

from sluice_common.contracts import subjects
from sluice_common.model.download import Download

T = TypeVar("T")


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """A CloudEvent. `subject` is `<client>/<download id>`, or the client alone; `data` is one of the structs below."""

    id: str
    source: str
    type: str
    subject: str
    time: datetime
    data: msgspec.Raw
    specversion: str = "1.0"
    datacontenttype: str = "application/json"

    def read(self, kind: builtins.type[T]) -> T:
        """The data as its struct; raises msgspec.MsgspecError."""
        return msgspec.json.decode(self.data, type=kind)


class DownloadData(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a `download.*` event says. Sizes are bytes, paths the client's own view."""

    client: str
    id: str
    epoch: str
    name: str
    category: str | None = None
    size: int | None = None
    save_path: str | None = None
    content_path: str | None = None
    tracker: str | None = None
    state: str | None = None
    reason: str | None = None
    message: str | None = None
    actor: str | None = None
    request_id: str | None = None
    with_data: bool | None = None


def about(row: Download) -> DownloadData:
    """What every `download.*` event says of its row."""
    return DownloadData(
        client=row.client,
        id=row.id,
        epoch=row.epoch,
        name=row.name,
        category=row.category,
        size=row.size,
        save_path=row.save_path,
        content_path=row.content_path,
        tracker=row.tracker,
        state=row.state.value,
    )


class ImportData(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an `import.*` or `media.*` event says; `version` grows by one with every transition of the import."""

    client: str
    id: str
    epoch: str
    import_id: str
    version: int
    name: str = ""
    state: str | None = None
    media_item: str | None = None
    library: str | None = None
    files: int | None = None
    files_total: int | None = None
    reason: str | None = None
    message: str | None = None


class FileData(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a `file.*` event says; `path` is relative to the library's root."""

    client: str
    id: str
    epoch: str
    import_id: str
    version: int
    library: str
    path: str
    size: int
    method: str
    media_item: str | None = None
    episodes: tuple[str, ...] = ()


class ClientData(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a `client.*` event says."""

    client: str
    reason: str | None = None
    message: str | None = None
    version: str | None = None


class ChangedField(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that a command set: `to` what, and what it `was`, where that was known. None is nothing.

    Limits are bytes/s, times seconds, 0 lifts them; of trackers only their hosts are told.
    """

    field: str
    to: str | int | float | bool | tuple[str, ...] | None = None
    was: str | int | float | bool | tuple[str, ...] | None = None


class CommandData(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a `command.*` event says: who (`actor`) had what (`verb`) done, from where (`origin`), and how it ended.

    `verb` is that of the command, of an edit or a control its kind; `outcome` is `ok` or the refusal's code. Without
    `id` it was about the client as a whole, or about a download that did not come to be. `name` is the download's at
    that moment, `changes` what was asked for.
    """

    client: str
    id: str | None = None
    verb: str
    outcome: str
    actor: str
    origin: str | None = None
    request_id: str
    with_data: bool | None = None
    name: str | None = None
    changes: tuple[ChangedField, ...] = ()


# What each type's data is; an event of a type that is not here is kept by history as it came.
DATA: dict[str, type[msgspec.Struct]] = {
    "download.added": DownloadData,
    "download.started": DownloadData,
    "download.paused": DownloadData,
    "download.resumed": DownloadData,
    "download.stalled": DownloadData,
    "download.completed": DownloadData,
    "download.failed": DownloadData,
    "download.removed": DownloadData,
    "download.cancelled": DownloadData,
    "import.queued": ImportData,
    "import.started": ImportData,
    "import.completed": ImportData,
    "import.blocked": ImportData,
    "import.failed": ImportData,
    "file.registered": FileData,
    "command.executed": CommandData,
    "command.failed": CommandData,
    "client.online": ClientData,
    "client.offline": ClientData,
    "media.refresh_requested": ImportData,
}


def make(event_id: str, event_type: str, source: str, time: datetime, data: Any) -> Event:
    """An event about what `data` names (it has `client`, and `id` where it concerns a download)."""
    download_id = getattr(data, "id", None)
    subject = data.client if download_id is None else f"{data.client}/{download_id}"
    raw = msgspec.Raw(msgspec.json.encode(data))
    return Event(id=event_id, source=f"/sluice/{source}", type=event_type, subject=subject, time=time, data=raw)


def subject_of(event: Event) -> str:
    """The bus subject on which the event is published."""
    return subjects.event(event.type, event.subject.partition("/")[0])


def event_id(*parts: str | int | None) -> str:
    """A stable id from what identifies the fact: the same parts give the same id, wherever and whenever."""
    digest = hashlib.sha256(msgspec.json.encode(parts))
    return digest.hexdigest()[:32]


def lifecycle_id(event_type: str, client: str, download_id: str, epoch: str, wanted: int | None = None) -> str:
    """The id of `added`, `removed`, `cancelled` (one per epoch) and `completed` (one per epoch and wanted bytes)."""
    return event_id(event_type, client, download_id, epoch, wanted)
