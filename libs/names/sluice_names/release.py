"""What a release name says. Values only."""

from __future__ import annotations

from datetime import date
from enum import StrEnum

import msgspec


class Kind(StrEnum):
    """What the name is of, as far as the name itself tells."""

    MOVIE = "movie"
    SERIES = "series"
    UNKNOWN = "unknown"


class Form(StrEnum):
    """How much of a work the name is of; `season` is one season, several, or all."""

    MOVIE = "movie"
    EPISODE = "episode"
    SEASON = "season"
    DAILY = "daily"
    UNKNOWN = "unknown"


class Quality(msgspec.Struct, frozen=True):
    """`resolution` as `1080p`, `source` as `bluray`, `web`, `webrip`, `hdtv`, `dvd`, `cam`; None where not said.

    `remux` is true of a disc's streams that were not encoded again.
    """

    resolution: str | None = None
    source: str | None = None
    remux: bool = False


class Release(msgspec.Struct, frozen=True, kw_only=True):
    """A name taken apart. `title` is "" where none was found, `episodes` is () for a season pack and for movies.

    `season` 0 is the specials; `seasons` are those of a pack of several, whose `season` is None. `is_complete` is said
    of a whole series without numbers. `absolute_episodes` count through all seasons, as anime does. `special` is one
    special whose number the name does not tell. `air_date` is the broadcaster's date of a daily show. `version` is the
    2 of `v2`. `languages` are ISO 639-1 codes, and `multi`.
    """

    title: str = ""
    year: int | None = None
    season: int | None = None
    seasons: tuple[int, ...] = ()
    episodes: tuple[int, ...] = ()
    absolute_episodes: tuple[int, ...] = ()
    air_date: date | None = None
    is_complete: bool = False
    special: bool = False
    kind: Kind = Kind.UNKNOWN
    quality: Quality = Quality()
    codec: str | None = None
    audio: str | None = None
    edition: str | None = None
    languages: tuple[str, ...] = ()
    group: str | None = None
    proper: bool = False
    version: int | None = None

    @property
    def is_season_pack(self) -> bool:
        """A season without episode numbers."""
        return self.season is not None and not self.episodes and not self.special

    @property
    def form(self) -> Form:
        """How much of a work it is."""
        if self.episodes or self.absolute_episodes or self.special:
            return Form.EPISODE
        if self.air_date is not None:
            return Form.DAILY
        if self.season is not None or self.seasons or self.is_complete:
            return Form.SEASON
        return Form.MOVIE if self.kind is Kind.MOVIE else Form.UNKNOWN
