"""Files that are to survive a power cut: synced, whole trees of them; and trees that are gone for certain."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from sluice_common.kit.clock import Clock

_ATTEMPTS = 100
_PAUSE = 0.05


def sync(path: Path) -> None:
    """Have the file, or the names in the directory, on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_tree(top: Path) -> None:
    """Everything below `top` and `top` itself; blocking, seconds for a big database."""
    for folder, _, names in os.walk(top, topdown=False):
        for name in names:
            if not (Path(folder) / name).is_symlink():
                sync(Path(folder) / name)
        sync(Path(folder))


def size_of(top: Path) -> int:
    """The bytes of all files below `top`; one that vanishes meanwhile counts nothing."""
    total = 0
    for folder, _, names in os.walk(top):
        for name in names:
            try:
                total += (Path(folder) / name).lstat().st_size
            except FileNotFoundError:
                continue
    return total


def remove_tree(top: Path) -> None:
    """Remove a directory that nobody uses any more; nothing where there is none. Raises OSError."""
    if top.exists():
        shutil.rmtree(top)


async def remove_abandoned(top: Path, clock: Clock) -> None:
    """As `remove_tree`, of a directory whose users were killed just now and may still be writing their last."""
    for _ in range(_ATTEMPTS):
        try:
            return remove_tree(top)
        except OSError:
            await clock.sleep(_PAUSE)
    return remove_tree(top)


def unused(path: Path) -> Path:
    """`path`, or with -2, -3, … behind it: the first name that nothing has."""
    number, free = 1, path
    while os.path.lexists(free):
        number += 1
        free = path.with_name(f"{path.name}-{number}")
    return free
