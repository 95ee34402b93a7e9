"""A library's root, opened only if its marker says that it is this library's: an unmounted share is never filled."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import Self

import msgspec

from sluice_common.kit.errors import Problem
from sluice_importer.place.errors import RootUnavailable, failing_as
from sluice_importer.place.kernel import NO_SUCH_CALL, rename_noreplace

MARKER = ".sluice-root"
_NEW_MARKER = ".sluice-root.new"
_LONGEST_MARKER = 256


class RootHandle(msgspec.Struct, frozen=True):
    """An open root: `fd` is a descriptor of the directory, which everything below is reached through. Close it."""

    path: Path
    library_id: str
    fd: int

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the directory."""
        os.close(self.fd)


def open_root(root: Path, library_id: str) -> RootHandle:
    """The root, proven by its marker to be `library_id`'s. Raises RootUnavailable, which says what to do."""
    descriptor = _open(root)
    try:
        found = _marker(descriptor)
    except OSError as error:
        os.close(descriptor)
        detail = f"its marker {MARKER} cannot be read: {error.strerror}"
        raise RootUnavailable(str(root), detail, errno=error.errno) from error
    if found != library_id:
        os.close(descriptor)
        raise RootUnavailable(str(root), _advice(found, library_id))
    return RootHandle(root, library_id, descriptor)


def marker_of(root: Path) -> str | None:
    """The library that the root's marker names, None where there is none; OSError where it cannot be read."""
    descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        return _marker(descriptor)
    finally:
        os.close(descriptor)


def init_root(root: Path, library_id: str) -> None:
    """Mark an existing directory as the root of `library_id`; a root that is marked so already is left as it is.

    Raises RootUnavailable where there is no directory, `Problem("root_taken", 409)` where another library's marker
    lies, PlaceFailed where it cannot be written.
    """
    descriptor = _open(root)
    try:
        with failing_as(str(root / MARKER)):
            found = _marker(descriptor)
            if found is None:
                _write_marker(descriptor, library_id)
    finally:
        os.close(descriptor)
    if found not in (None, library_id):
        detail = f"{root} is the library {found!r}'s; to use it for {library_id!r}, delete {root / MARKER} first"
        raise Problem("root_taken", 409, detail)


def _open(root: Path) -> int:
    try:
        return os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        detail = f"the library's root cannot be opened: {error.strerror}; is it mounted, is the path right?"
        raise RootUnavailable(str(root), detail, errno=error.errno) from error


def _marker(directory: int) -> str | None:
    """The id in the marker, None where there is none."""
    try:
        descriptor = os.open(MARKER, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=directory)
    except FileNotFoundError:
        return None
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "it is not a regular file")
        return os.read(descriptor, _LONGEST_MARKER).decode(errors="replace").strip()
    finally:
        os.close(descriptor)


def _write_marker(directory: int, library_id: str) -> None:
    """Whole or not at all: written aside, flushed, then named."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(_NEW_MARKER, flags, 0o644, dir_fd=directory)
    try:
        os.write(descriptor, f"{library_id}\n".encode())
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    try:
        rename_noreplace(directory, _NEW_MARKER, directory, MARKER)
    except OSError as error:
        if error.errno not in NO_SUCH_CALL:
            raise
        os.rename(_NEW_MARKER, MARKER, src_dir_fd=directory, dst_dir_fd=directory)
    os.fsync(directory)


def _advice(found: str | None, library_id: str) -> str:
    if found is None:
        return f"it holds no {MARKER}: mount the library, or mark a new root with `sluice libraries init {library_id}`"
    return (
        f"its {MARKER} names the library {found!r}, not {library_id!r}: correct the configured root, or delete the "
        f"marker and run `sluice libraries init {library_id}`"
    )
