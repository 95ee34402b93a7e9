"""A download and a library on a real file system, to place the one into the other."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from sluice_importer.place.attempt import open_attempt
from sluice_importer.place.methods import LinkPolicy, Method, Watch
from sluice_importer.place.placing import place
from sluice_importer.place.publish import Placed
from sluice_importer.place.root import RootHandle, init_root, open_root

CONTENT = b"the film itself " * 200_000
FILE = "Film.2020/film.mkv"
TARGET = "Film (2020)/Film (2020).mkv"


class Disk(msgspec.Struct):
    """A download at `downloads`/FILE, and an open library."""

    downloads: Path
    library: Path
    root: RootHandle

    @property
    def source(self) -> Path:
        """The download's file."""
        return self.downloads / FILE

    @property
    def target(self) -> Path:
        """Where it goes."""
        return self.library / TARGET

    def place(
        self,
        method: Method = "hardlink",
        link: LinkPolicy = "prefer",
        *,
        number: int = 1,
        file: str = FILE,
        target: str = TARGET,
        watch: Watch | None = None,
    ) -> Placed:
        """One attempt that places one file."""
        size = len(CONTENT)
        with open_attempt(self.root, "import", number) as attempt:
            return place(attempt, self.downloads, file, size, target, method=method, link=link, watch=watch or Watch())

    def names(self) -> list[str]:
        """Every path in the library but its marker."""
        return sorted(
            str(path.relative_to(self.library)) for path in self.library.rglob("*") if path.name != ".sluice-root"
        )


def make_disk(downloads: Path, library: Path) -> Disk:
    """A fresh download and library below two directories."""
    (downloads / FILE).parent.mkdir(parents=True)
    (downloads / FILE).write_bytes(CONTENT)
    os.utime(downloads / FILE, ns=(1_600_000_000_123_456_789,) * 2)
    library.mkdir(parents=True)
    init_root(library, "films")
    return Disk(downloads, library, open_root(library, "films"))
