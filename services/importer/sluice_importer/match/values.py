"""What matching takes and gives. Values only."""

from __future__ import annotations

from datetime import date
from typing import Literal

import msgspec

MediaKind = Literal["movie", "series"]
UnknownCode = Literal["unknown_media", "ambiguous_match"]
Policy = Literal["known-only", "create"]
Numbers = tuple[int, int]


class MediaItem(msgspec.Struct, frozen=True, kw_only=True):
    """A work of the catalogue, as far as matching needs it; `library` is the name of the one it is filed in."""

    id: str
    kind: MediaKind
    title: str
    library: str
    year: int | None = None
    alternative_titles: tuple[str, ...] = ()


class Episode(msgspec.Struct, frozen=True, kw_only=True):
    """An episode that the catalogue knows, as far as matching needs it."""

    season: int
    number: int
    absolute: int | None = None
    air_date: date | None = None


class Match(msgspec.Struct, frozen=True):
    """The download is for `item`, and where its name tells, for these of its episodes, as (season, number).

    `confidence` is 0 to 1, `why` says in words what it rests on.
    """

    item: MediaItem
    episodes: tuple[Numbers, ...] = ()
    confidence: float = 1.0
    why: str = ""


class NewItem(msgspec.Struct, frozen=True, kw_only=True):
    """The catalogue has no such work, and the policy makes it from the name."""

    kind: MediaKind
    title: str
    year: int | None = None


class Unknown(msgspec.Struct, frozen=True, kw_only=True):
    """No decision: `unknown_media` (nothing fits) or `ambiguous_match` (several do, or none well); `candidates`, best
    first."""

    code: UnknownCode
    candidates: tuple[MediaItem, ...] = ()
    why: str = ""


Outcome = Match | NewItem | Unknown
