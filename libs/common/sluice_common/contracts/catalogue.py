"""The catalogue on the bus: what is known of movies, series, their episodes and the files that a library holds."""

from __future__ import annotations

from datetime import date, datetime

import msgspec


class NewEpisode(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One episode. `air_date` is the broadcaster's local date; season 0 holds the specials.

    `absolute` counts through all seasons. `scene_…` are the numbers under which it is released where they differ.
    """

    season: int
    number: int
    absolute: int | None = None
    air_date: date | None = None
    title: str | None = None
    scene_season: int | None = None
    scene_number: int | None = None
    scene_absolute: int | None = None


class Entry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What somebody knows of one item: `kind` is `movie` or `series`, `external_ids` by source (`imdb`, `tvdb`).

    It is the item that has one of its external ids, else the one of its kind, title and year, else a new one. What is
    left out stays as it is; titles, ids and episodes that are new are added, and none is taken away.
    """

    kind: str
    title: str
    year: int | None = None
    sort_title: str | None = None
    library: str | None = None
    alternative_titles: tuple[str, ...] = ()
    external_ids: dict[str, str] = {}
    episodes: tuple[NewEpisode, ...] = ()


class Entries(msgspec.Struct, frozen=True):
    """`media.import`: what to make known; at most 500 at a time."""

    items: tuple[Entry, ...]


class EntryProblem(msgspec.Struct, frozen=True, kw_only=True):
    """An entry that was left out; `position` counts the entries of the request from 0."""

    position: int
    title: str
    code: str
    detail: str


class Merged(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the entries; `episodes` are those that were made or changed."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    episodes: int = 0
    problems: tuple[EntryProblem, ...] = ()


class EpisodesOf(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`media.episodes`: a series' episodes, in order, after `cursor`; of one season where it is given."""

    id: str
    season: int | None = None
    limit: int = 100
    cursor: str | None = None


class Episode(NewEpisode, frozen=True, kw_only=True, omit_defaults=True):
    """An episode of the catalogue; `files` are the library's files that hold it."""

    files: int = 0


class FilesIn(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`media.files`: the registered files of an item, of a library, or all, by library and path."""

    id: str | None = None
    library: str | None = None
    limit: int = 100
    cursor: str | None = None


class EpisodeNumber(msgspec.Struct, frozen=True, kw_only=True):
    """Which episode of its series."""

    season: int
    number: int


class LibraryFile(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One file of a library. `path` is below the library's root, `size` in bytes, `method` how it got there.

    `checksum` is told where one was made.
    """

    library: str
    path: str
    size: int
    method: str
    media_item: str | None = None
    episodes: tuple[EpisodeNumber, ...] = ()
    resolution: str | None = None
    source: str | None = None
    codec: str | None = None
    group: str | None = None
    languages: tuple[str, ...] = ()
    import_id: str | None = None
    checksum: str | None = None
    registered_at: datetime | None = None
