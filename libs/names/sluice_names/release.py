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


class Quality(msgspec.Struct, frozen=True):
    """`resolution` as `1080p`, `source` as `bluray`, `web`, `webrip`, `hdtv`, `dvd`, `cam`; None where not said."""

    resolution: str | None = None
    source: str | None = None


class Release(msgspec.Struct, frozen=True, kw_only=True):
    """A name taken apart. `title` is "" where none was found, `episodes` is () for a season pack and for movies.

    `season` 0 is the specials. `air_date` is the broadcaster's date of a daily show.
    """

    title: str = ""
    year: int | None = None
    season: int | None = None
    episodes: tuple[int, ...] = ()
    air_date: date | None = None
    kind: Kind = Kind.UNKNOWN
    quality: Quality = Quality()
    codec: str | None = None
    group: str | None = None
    proper: bool = False

    @property
    def is_season_pack(self) -> bool:
        """A season without episode numbers."""
        return self.season is not None and not self.episodes
