"""A download's file, reached only below its root, through no link, and only a regular file of the right size."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from sluice_importer.place.errors import PlaceFailed, failure
from sluice_importer.place.kernel import own_path
from sluice_importer.plan.paths import confine

_STEP = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC


class Source(msgspec.Struct, frozen=True):
    """A checked source. `fd` is an O_PATH descriptor: it pins the inode that was checked and opens no device."""

    path: str
    fd: int
    size: int
    mtime_ns: int
    device: int
    inode: int

    @contextmanager
    def reading(self) -> Iterator[int]:
        """A descriptor to read this very inode by."""
        try:
            descriptor = os.open(own_path(self.fd), os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise source_failure(error, self.path) from error
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def has_changed(self) -> bool:
        """Whether somebody wrote to it since it was checked."""
        now = os.fstat(self.fd)
        return (now.st_size, now.st_mtime_ns) != (self.size, self.mtime_ns)


@contextmanager
def open_source(root: Path, relative: str, size: int) -> Iterator[Source]:
    """The file `relative` (hostile) below `root`, a directory of ours, which must be `size` bytes.

    Raises PlaceFailed: `source_missing`, `source_incomplete` (another size), `unsafe_source` (climbs, a link on the
    way, not a regular file), `permission_denied`.
    """
    shown = os.path.join(root, relative)
    descriptor = _walk(root, relative, shown)
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise PlaceFailed("unsafe_source", shown, "it is a link or no regular file; Sluice follows no links")
        if found.st_size != size:
            detail = f"it has {found.st_size} bytes where the client says {size}: it is not all here yet"
            raise PlaceFailed("source_incomplete", shown, detail, transient=True)
        yield Source(shown, descriptor, size, found.st_mtime_ns, found.st_dev, found.st_ino)
    finally:
        os.close(descriptor)


def not_here(root: Path, relative: str, size: int) -> PlaceFailed | None:
    """Why `open_source` would not give the file now; None where it would. Reads no content."""
    try:
        with open_source(root, relative, size):
            return None
    except PlaceFailed as failed:
        return failed


def _walk(root: Path, relative: str, shown: str) -> int:
    """An O_PATH descriptor of the file, component by component, so that no link is followed on the way."""
    components = confine(relative)
    if isinstance(components, str):
        raise PlaceFailed("unsafe_source", shown, f"the client's path is refused: {components}")
    try:
        here = os.open(root, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        for position, component in enumerate(components, start=1):
            above, flags = here, _STEP if position == len(components) else _STEP | os.O_DIRECTORY
            try:
                here = os.open(component, flags, dir_fd=above)
            finally:
                os.close(above)
    except OSError as error:
        raise source_failure(error, shown) from error
    return here


def source_failure(error: OSError, shown: str) -> PlaceFailed:
    """The error of a call that was about the source `shown`."""
    if error.errno == errno.ENOENT:
        detail = "it is not there; is the client's path mapped right, and mounted here?"
        return PlaceFailed("source_missing", shown, detail, errno=error.errno, transient=True)
    if error.errno in (errno.ENOTDIR, errno.ELOOP):
        detail = "a link or a file lies on the way to it; Sluice follows no links"
        return PlaceFailed("unsafe_source", shown, detail, errno=error.errno)
    return failure(error, shown)
