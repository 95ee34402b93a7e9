"""Tries on the real disk what a placement would do, in a directory of its own, and leaves nothing behind.

The directory is locked while it is in use: one that is not is a dead run's, and the next run takes it away.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from sluice_importer.place.attempt import RESERVED_PREFIX, remove, same_directory
from sluice_importer.place.errors import PlaceFailed, failing_as
from sluice_importer.place.kernel import link_inode, open_directory
from sluice_importer.place.root import RootHandle
from sluice_importer.place.source import Source, source_failure

# The letter keeps it apart from an attempt's directory, whatever the random digits are.
_PREFIX = f"{RESERVED_PREFIX}doctor-x"
_SCRATCH = re.compile(rf"{re.escape(_PREFIX)}[0-9a-f]{{16}}")
# Where the file system knows no lock, nothing is in use for so long, in seconds.
_SURELY_DEAD = 600.0
_MOST_TRIES = 20
_NAME = "trial"


@contextmanager
def open_scratch(root: RootHandle, new_token: Callable[[], str]) -> Iterator[int]:
    """A descriptor of a fresh directory in the root, removed at the end; earlier ones that nobody holds go first.

    `new_token` gives 16 random hex digits. Raises PlaceFailed where the root cannot be written.
    """
    clear_scratch(root)
    name, descriptor = _make(root, new_token)
    try:
        yield descriptor
    finally:
        with suppress(OSError):  # what cannot be removed now, the next run finds
            remove(root, name)
        os.close(descriptor)


def _make(root: RootHandle, new_token: Callable[[], str]) -> tuple[str, int]:
    """Another run may take a directory that is not locked yet for a dead one's; then another is made."""
    for _ in range(_MOST_TRIES):
        name = f"{_PREFIX}{new_token()}"
        with failing_as(str(root.path)):
            os.mkdir(name, 0o700, dir_fd=root.fd)
            with suppress(FileNotFoundError):
                descriptor = open_directory(name, root.fd)
                if _lock(descriptor) is not False and same_directory(root.fd, name, descriptor):
                    return name, descriptor
                os.close(descriptor)
                remove(root, name)
    raise PlaceFailed("file_system_error", str(root.path), "its trial directory vanishes again and again")


def clear_scratch(root: RootHandle) -> None:
    """Take away what a run that was killed has left. Raises PlaceFailed where that is refused."""
    with failing_as(str(root.path)):
        for name in os.listdir(root.fd):
            if _SCRATCH.fullmatch(name) and _is_dead(root, name):
                remove(root, name)


def _is_dead(root: RootHandle, name: str) -> bool:
    try:
        descriptor = open_directory(name, root.fd)
    except FileNotFoundError:
        return False
    try:
        locked = _lock(descriptor)
        if locked is None:
            return time.time() - os.fstat(descriptor).st_mtime > _SURELY_DEAD
        return locked
    finally:
        os.close(descriptor)


def _lock(descriptor: int) -> bool | None:
    """Whether nobody else holds it; None where the file system knows no such lock."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno in (errno.EBADF, errno.EINVAL, errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP):
            return None
        raise
    return True


def try_link(source: Source, scratch: int) -> None:
    """Link the source into the directory and take the link away again; raises PlaceFailed with the kernel's reason.

    A placement also reads what it linked, to flush it: that is tried too.
    """
    try_link_of(source.fd, source.path, scratch)
    try_read(source)


def try_link_of(descriptor: int, shown: str, scratch: int) -> None:
    """The same with what `descriptor` holds, which is not read."""
    try:
        link_inode(descriptor, scratch, _NAME)
    except OSError as error:
        raise source_failure(error, shown) from error
    with failing_as(shown):
        os.unlink(_NAME, dir_fd=scratch)


def try_read(source: Source) -> None:
    """Read the source's first byte; raises PlaceFailed."""
    with source.reading() as reader, failing_as(source.path):
        os.read(reader, 1)
