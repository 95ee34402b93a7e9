"""What matching takes and gives. Values only."""

from __future__ import annotations

from typing import Literal

import msgspec

MediaKind = Literal["movie", "series"]
UnknownCode = Literal["unknown_media", "ambiguous_media"]
Policy = Literal["known-only", "create"]


class MediaItem(msgspec.Struct, frozen=True, kw_only=True):
    """A work of the catalogue, as far as matching needs it; `library` is the name of the one it is filed in."""

    id: str
    kind: MediaKind
    title: str
    library: str
    year: int | None = None
    alternative_titles: tuple[str, ...] = ()


class Match(msgspec.Struct, frozen=True):
    """The download is for `item`."""

    item: MediaItem


class NewItem(msgspec.Struct, frozen=True, kw_only=True):
    """The catalogue has no such work, and the policy makes it from the name."""

    kind: MediaKind
    title: str
    year: int | None = None


class Unknown(msgspec.Struct, frozen=True, kw_only=True):
    """No decision: `unknown_media` (nothing fits) or `ambiguous_media` (several do); `candidates`, best first."""

    code: UnknownCode
    candidates: tuple[MediaItem, ...] = ()


Outcome = Match | NewItem | Unknown
