"""The demo's directory: what lies where in it, and that nothing of it is left. No process is started here."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sluice_cli.failure import Failure

_PATIENCE = 5.0
_EVERY = 0.1


@dataclass(frozen=True)
class Home:
    """Paths below one directory, and so on one file system: a hardlink from downloads to library can be made."""

    top: Path

    @property
    def data(self) -> Path:
        """Sluice's data directory."""
        return self.top / "data"

    @property
    def deluge(self) -> Path:
        return self.top / "deluge"

    @property
    def swarm(self) -> Path:
        return self.top / "swarm"

    @property
    def media(self) -> Path:
        """The libraries' parent."""
        return self.top / "media"

    @property
    def logs(self) -> Path:
        return self.top / "logs"


@contextmanager
def home(keep: Path | None) -> Iterator[Home]:
    """A directory that is removed at the end; `keep`, which must be empty or not there yet, stays."""
    top = Path(tempfile.mkdtemp(prefix="sluice-demo-")) if keep is None else _empty(keep)
    if os.geteuid() == 0:
        top.chmod(0o711)  # PostgreSQL runs as another user then, and must get through
    place = Home(top)
    try:
        for folder in (place.data, place.deluge, place.swarm, place.media / "tv", place.media / "movies", place.logs):
            folder.mkdir(parents=True)
        place.data.chmod(0o711 if os.geteuid() == 0 else 0o700)
        yield place
    finally:
        if keep is None:
            _remove(top)


def _empty(keep: Path) -> Path:
    """Raises Failure where the directory is somebody's already."""
    try:
        keep.mkdir(parents=True, exist_ok=True)
        used = any(keep.iterdir())
    except OSError as error:
        raise Failure(f"cannot use {keep}: {error.strerror}") from None
    if used:
        raise Failure(f"{keep} is not empty; give --keep a directory that is empty or not there yet")
    return keep.resolve()


def _remove(top: Path) -> None:
    """Remove all of it, again while a program that was killed is still writing its last file."""
    deadline = time.monotonic() + _PATIENCE
    while top.exists():
        shutil.rmtree(top, ignore_errors=True)
        if time.monotonic() >= deadline:
            raise Failure(f"could not remove {top}; please do")
        if top.exists():
            time.sleep(_EVERY)
