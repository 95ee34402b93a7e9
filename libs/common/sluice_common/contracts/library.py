"""What the importer answers on `sluice.rpc.importer.*`: media items, associations, imports, libraries."""

from __future__ import annotations

from datetime import datetime

import msgspec

from sluice_common.contracts.commands import Add
from sluice_common.model.enums import OpenEnum


class ImportState(OpenEnum):
    """How far an import is; `blocked` waits for a person, `failed` is retried or given up."""

    NONE = "none"
    WAITING = "waiting"
    PLANNED = "planned"
    IMPORTING = "importing"
    IMPORTED = "imported"
    BLOCKED = "blocked"
    FAILED = "failed"
    IGNORED = "ignored"
    UNKNOWN = "unknown"


class MediaItem(msgspec.Struct, frozen=True, kw_only=True):
    """A movie or a series in the catalogue. `kind` is `movie` or `series`; `library` names where its files go.

    `external_ids` are by source (`imdb`, `tmdb`, `tvdb`); `episodes` counts those that are known.
    """

    id: str
    kind: str
    title: str
    year: int | None = None
    library: str | None = None
    files: int = 0
    created_at: datetime | None = None
    sort_title: str | None = None
    alternative_titles: tuple[str, ...] = ()
    external_ids: dict[str, str] = {}
    episodes: int = 0


class KnownMediaItem(MediaItem, frozen=True, kw_only=True):
    """The answer to `media.create`: `is_new` where the item was made now, None from an importer that does not tell."""

    is_new: bool | None = None


class NewMediaItem(msgspec.Struct, frozen=True, kw_only=True):
    """`media.create`: answers with the item, or with the one that exists under the same kind, title and year."""

    kind: str
    title: str
    year: int | None = None
    library: str | None = None


class MediaItemId(msgspec.Struct, frozen=True, kw_only=True):
    """`media.get`, `media.remove`: which item; answers with the MediaItem. One that is in use is not removed."""

    id: str


class RenamedMediaItem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`media.rename`: its title from now on, and its year where one is given; answers with the MediaItem."""

    id: str
    title: str
    year: int | None = None


class Listing(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A page's request: up to `limit` rows after `cursor`, optionally of one client, download, state or kind."""

    limit: int = 100
    cursor: str | None = None
    client: str | None = None
    id: str | None = None
    state: str | None = None
    kind: str | None = None
    search: str | None = None


class Associate(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`associate`: what a download that is about to be added is for. Repeating it with one request id changes nothing.

    `download_id` is the id the client will give it. An association that exists for (client, download_id) is reused
    and stays its own request's; a media item given here replaces the one it had. A request id that made another
    download's association is refused (`key_reused`).
    """

    request_id: str
    client: str
    download_id: str
    source: Add
    name: str | None = None
    media_item: str | None = None


class Association(msgspec.Struct, frozen=True, kw_only=True):
    """What an active download is for. `state` is `pending`, `bound` or `closing`."""

    client: str
    download_id: str
    state: str
    epoch: str | None = None
    media_item: str | None = None
    request_id: str | None = None


class AssociationOf(msgspec.Struct, frozen=True, kw_only=True):
    """`association`: what a download is for; answers with its Association, refused where it has none."""

    client: str
    download_id: str


class SourceOf(msgspec.Struct, frozen=True, kw_only=True):
    """`source`: where a download came from, so that it can be added again; `start` is a byte offset into a .torrent."""

    client: str
    download_id: str
    start: int = 0


class Source(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The magnet, or a slice of the .torrent's bytes; `next` is the offset to go on from, None at the end."""

    magnet: str | None = None
    torrent: bytes | None = None
    save_path: str | None = None
    category: str | None = None
    next: int | None = None


class Withdraw(msgspec.Struct, frozen=True, kw_only=True):
    """`withdraw`: the add of this request was refused by the client; the pending association that it made goes."""

    request_id: str


class ImportFile(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One file of an import: its verdict with a stable code, where it went and how."""

    path: str
    size: int
    verdict: str
    reason: str | None = None
    target: str | None = None
    method: str | None = None
    placed: bool = False


class Import(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One import. `version` grows by one with every transition; `files` only in the answer to `imports.get`."""

    id: str
    client: str
    download_id: str
    epoch: str
    name: str
    state: ImportState
    version: int
    reason: str | None = None
    message: str | None = None
    media_item: str | None = None
    library: str | None = None
    attempt: int = 0
    files_done: int = 0
    files_total: int = 0
    created_at: datetime | None = None
    updated_at: datetime | None = None
    next_retry_at: datetime | None = None
    files: tuple[ImportFile, ...] = ()


class ImportId(msgspec.Struct, frozen=True, kw_only=True):
    """`imports.get`: which import."""

    id: str


class RetryImport(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`imports.retry`: which import; `media_item` says which item it is for, and beats its names from then on."""

    id: str
    media_item: str | None = None


class LibraryStatus(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One configured library; `problem` says why nothing can be placed there now and what to do."""

    name: str
    kind: str
    root: str
    available: bool
    problem: str | None = None
    free_space: int | None = None
    files: int = 0


class Libraries(msgspec.Struct, frozen=True):
    """All configured libraries."""

    items: tuple[LibraryStatus, ...]


class LibraryName(msgspec.Struct, frozen=True, kw_only=True):
    """`libraries.init`: write the marker of this library; answers with its LibraryStatus."""

    name: str
