"""A second file system, for what moves between two: tmpfs beside the disk, on nearly every Linux."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

PARENTS = (Path("/dev/shm"), Path("/run"), Path("/var/tmp"), Path("/tmp"))


@contextmanager
def elsewhere(here: Path, room: int) -> Iterator[Path]:
    """A directory on another file system than `here`, with `room` free bytes; skips the test where there is none."""
    device = here.stat().st_dev
    for parent in PARENTS:
        usable = parent.is_dir() and os.access(parent, os.W_OK) and parent.stat().st_dev != device
        if usable and shutil.disk_usage(parent).free > room:
            with TemporaryDirectory(prefix="sluice-", dir=parent) as directory:
                yield Path(directory)
            return
    pytest.skip(f"there is no second file system with {room} free bytes here")
