"""What planning takes and gives. Values only."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal, Protocol

import msgspec

from sluice_importer.match.values import MediaItem, NewItem

Work = MediaItem | NewItem


class LibraryLike(Protocol):
    """As much of a library's settings as naming needs."""

    @property
    def kind(self) -> Literal["movies", "series"]:
        """What the library holds."""


class Verdict(StrEnum):
    """What becomes of one file. Only `import` and `extra` have a target."""

    IMPORT = "import"
    EXTRA = "extra"
    SKIP = "skip"
    DUPLICATE = "duplicate"
    CONFLICT = "conflict"
    DANGEROUS = "dangerous"
    BLOCKED = "blocked"


class Code(StrEnum):
    """Why, stable and documented: the second word of a verdict."""

    VIDEO = "video"
    SUBTITLE = "subtitle"
    NOT_MEDIA = "not_media"
    NOT_WANTED = "not_wanted"
    EMPTY = "empty"
    SAMPLE = "sample"
    COMPANION = "companion"
    ALREADY_IN_LIBRARY = "already_in_library"
    PARTLY_IN_LIBRARY = "partly_in_library"
    SAME_EPISODE = "same_episode"
    UNSAFE_PATH = "unsafe_path"
    EXECUTABLE = "executable"
    NAME_TOO_LONG = "name_too_long"
    UNKNOWN_EPISODE = "unknown_episode"
    SEVERAL_VIDEOS = "several_videos"
    WRONG_KIND = "wrong_kind"
    ARCHIVE = "archive"
    NO_MEDIA = "no_media"


class ManifestFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file as the client lists it: `path` relative to the save path, `/`-separated, hostile; `size` in bytes."""

    path: str
    size: int
    wanted: bool = True


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """A file that the catalogue holds for the same work; `season` and `episodes` are empty for a movie."""

    path: str
    size: int
    season: int | None = None
    episodes: tuple[int, ...] = ()


class FilePlan(msgspec.Struct, frozen=True, kw_only=True):
    """One file's verdict. `target` is relative to the library's root, `/`-separated, safe; None where none is made."""

    path: str
    size: int
    verdict: Verdict
    code: Code
    target: str | None = None
    season: int | None = None
    episodes: tuple[int, ...] = ()


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """A verdict for every file of the manifest, in its order.

    `blocked` stops the whole download: the code of what is dangerous, or of why there is nothing to place. It is None
    where something can be placed, and where all there is are duplicates.
    """

    files: tuple[FilePlan, ...]
    blocked: Code | None = None

    @property
    def to_place(self) -> tuple[FilePlan, ...]:
        """The files that placing makes; none of a blocked download."""
        placed = (Verdict.IMPORT, Verdict.EXTRA)
        return () if self.blocked is not None else tuple(file for file in self.files if file.verdict in placed)

    @property
    def unresolved(self) -> tuple[FilePlan, ...]:
        """The files that wait for a person: the import is not done while there are any."""
        waiting = (Verdict.CONFLICT, Verdict.DANGEROUS, Verdict.BLOCKED)
        return tuple(file for file in self.files if file.verdict in waiting)
