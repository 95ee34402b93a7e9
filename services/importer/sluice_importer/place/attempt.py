"""The directory in which one attempt of one import makes its files, held by a descriptor: a fence.

A successor removes the directories of earlier attempts before anything else. Whoever still holds one of those gets
ENOENT from every further call through the descriptor, whatever it believes about its lease: that is `Fenced`.
"""

from __future__ import annotations

import errno
import itertools
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import msgspec

from sluice_common.kit.errors import Fenced
from sluice_importer.place.errors import failing_as, failure
from sluice_importer.place.kernel import open_directory
from sluice_importer.place.root import RootHandle

RESERVED_PREFIX = ".sluice-"
_IMPORT_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,63}")
_DIRECTORY = re.compile(r"\.sluice-(?P<import>[A-Za-z0-9][A-Za-z0-9-]{0,63})-(?P<attempt>0|[1-9][0-9]{0,17})")
_MOST_TRIES = 100


class Attempt(msgspec.Struct, frozen=True):
    """One attempt's directory in the library's root. `next_name` gives a name that was not used in it before.

    `settled` holds the library folders that this attempt has flushed to disk up to the root.
    """

    root: RootHandle
    name: str
    fd: int
    names: Iterator[int]
    settled: set[str]

    def next_name(self) -> str:
        """A fresh name inside the directory."""
        return str(next(self.names))

    @contextmanager
    def guard(self, path: str) -> Iterator[None]:
        """Errors inside are Fenced where this directory was taken away, else the PlaceFailed about `path`."""
        try:
            yield
        except OSError as error:
            if error.errno == errno.ENOENT:
                self.prove()
            raise failure(error, path) from error

    def prove(self) -> None:
        """Raise Fenced unless the directory still lies in the root under its name."""
        if not same_directory(self.root.fd, self.name, self.fd):
            raise Fenced(f"{self.name} was taken away: a later attempt has this import")

    def discard(self, name: str) -> None:
        """Take a file away that is not wanted after all; nothing to do where it is gone."""
        with suppress(FileNotFoundError):
            os.unlink(name, dir_fd=self.fd)


@contextmanager
def open_attempt(root: RootHandle, import_id: str, number: int) -> Iterator[Attempt]:
    """Take over from every earlier attempt, then hold a fresh, empty directory; it is removed at the end.

    `import_id` is letters, digits and dashes; `number` grows with every claim. Raises Fenced where a later attempt is
    at work, PlaceFailed where the root cannot be written.
    """
    if _IMPORT_ID.fullmatch(import_id) is None or number < 0:
        raise ValueError(f"not an import's id and attempt: {import_id!r}, {number}")
    name = f"{RESERVED_PREFIX}{import_id}-{number}"
    sweep(root, import_id, up_to=number)
    attempt = _make(root, name)
    try:
        # A successor may have swept between our look and our mkdir.
        _refuse_later(root, import_id, number)
        yield attempt
    finally:
        os.close(attempt.fd)
        with suppress(OSError):  # what cannot be removed now, the next attempt or `leftovers` finds
            remove(root, name)


def sweep(root: RootHandle, import_id: str, *, up_to: int) -> None:
    """Remove the directories of this import's attempts up to and including `up_to`, with what lies in them.

    Raises Fenced where there is a later attempt's.
    """
    _refuse_later(root, import_id, up_to)
    for found, attempt in leftovers(root):
        if found == import_id and attempt <= up_to:
            with failing_as(str(root.path)):
                remove(root, f"{RESERVED_PREFIX}{found}-{attempt}")


def leftovers(root: RootHandle) -> list[tuple[str, int]]:
    """Every attempt directory in the root, as import id and attempt, of the living and of the dead."""
    with failing_as(str(root.path)):
        found = [match for name in os.listdir(root.fd) if (match := _DIRECTORY.fullmatch(name))]
    return [(match["import"], int(match["attempt"])) for match in found]


def _refuse_later(root: RootHandle, import_id: str, number: int) -> None:
    if any(found == import_id and attempt > number for found, attempt in leftovers(root)):
        raise Fenced(f"a later attempt than {number} has the import {import_id}")


def _make(root: RootHandle, name: str) -> Attempt:
    with failing_as(str(root.path / name)):
        try:
            os.mkdir(name, 0o700, dir_fd=root.fd)
            descriptor = open_directory(name, root.fd)
        except (FileExistsError, FileNotFoundError) as error:
            raise Fenced(f"{name} was made or taken away by another: this attempt is not ours alone") from error
    return Attempt(root, name, descriptor, itertools.count(), set())


def remove(root: RootHandle, name: str) -> None:
    """Empty and remove a directory of ours, even while somebody who does not know better still puts files into it."""
    for _ in range(_MOST_TRIES):
        try:
            shutil.rmtree(name, dir_fd=root.fd)
        except FileNotFoundError:
            if not _exists(root.fd, name):
                return
        except OSError as error:
            if error.errno != errno.ENOTEMPTY:
                raise
        else:
            return
    raise OSError(errno.ENOTEMPTY, os.strerror(errno.ENOTEMPTY), name)


def _exists(parent: int, name: str) -> bool:
    try:
        os.stat(name, dir_fd=parent, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def same_directory(parent: int, name: str, descriptor: int) -> bool:
    """Whether `name` in `parent` is still what `descriptor` holds."""
    try:
        return os.path.samestat(os.stat(name, dir_fd=parent, follow_symlinks=False), os.fstat(descriptor))
    except FileNotFoundError:
        return False
