"""From the attempt's directory to the final place: never over anything, through no link, durable afterwards."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

import msgspec

from sluice_importer.place.attempt import RESERVED_PREFIX, Attempt
from sluice_importer.place.errors import conflict, failing_as, unsafe_target
from sluice_importer.place.kernel import NO_SUCH_CALL, open_directory, own_path, rename_noreplace
from sluice_importer.place.methods import Made, Method, Watch, checksum_of
from sluice_importer.place.root import RootHandle
from sluice_importer.place.source import Source
from sluice_importer.plan.paths import confine


class Placed(msgspec.Struct, frozen=True, kw_only=True):
    """A file in its place, on disk for good. `path` is relative to the library's root.

    `method` tells what the file there *is*: `hardlink` shares the source's inode, `copy` does not. `checksum`
    (XXH3-128, hex) is known where content was read. `adopted` says that it was there already.
    """

    path: str
    method: Method
    device: int
    inode: int
    checksum: str | None = None
    adopted: bool = False


def target_components(target: str) -> tuple[str, ...]:
    """The components of a target; raises PlaceFailed `unsafe_target` for one that a plan must never hold."""
    components = confine(target)
    if isinstance(components, str) or any(component.startswith(RESERVED_PREFIX) for component in components):
        raise unsafe_target(target)
    return components


def adopt(root: RootHandle, target: str, source: Source, watch: Watch) -> Placed | None:
    """What lies at `target` already, if it is the source or equal to it; None where nothing lies there.

    Raises PlaceFailed `conflict` for anything else, and touches nothing.
    """
    *folders, name = target_components(target)
    with ExitStack() as stack, failing_as(target):
        chain = [root.fd]
        try:
            for folder in folders:
                chain.append(open_directory(folder, chain[-1]))
                stack.callback(os.close, chain[-1])
            found = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=chain[-1])
        except FileNotFoundError:
            return None
        stack.callback(os.close, found)
        placed = _equal(found, target, source, watch)
        _flush(found, chain)
        return placed


def publish(made: Made, attempt: Attempt, target: str, source: Source, watch: Watch) -> Placed:
    """Move what was made to `target`, or adopt what came there meanwhile; durable when it returns.

    Raises Fenced where a later attempt took over, PlaceFailed `conflict` where another file lies there.
    """
    *folders, name = target_components(target)
    watch.check()
    with _parents(attempt, folders, target) as (chain, is_new):
        try:
            with attempt.guard(target):
                _move(attempt.fd, made.name, chain[-1], name)
        except _Occupied:
            attempt.discard(made.name)
        else:
            with failing_as(target):
                _settle(attempt, "/".join(folders), chain, is_new=is_new)
            return Placed(path=target, method=made.method, device=made.device, inode=made.inode, checksum=made.checksum)
    found = adopt(attempt.root, target, source, watch)
    if found is None:  # it came and went again
        raise conflict(target)
    return found


class _Occupied(Exception):
    """Something lies at the target."""


def _move(from_dir: int, made: str, to_dir: int, name: str) -> None:
    """Rename without replacing; where the file system cannot, link and unlink, which replaces nothing either."""
    try:
        try:
            rename_noreplace(from_dir, made, to_dir, name)
        except OSError as error:
            if error.errno not in NO_SUCH_CALL:
                raise
            os.link(made, name, src_dir_fd=from_dir, dst_dir_fd=to_dir, follow_symlinks=False)
            os.unlink(made, dir_fd=from_dir)
    except FileExistsError as error:
        raise _Occupied from error


@contextmanager
def _parents(attempt: Attempt, folders: list[str], target: str) -> Iterator[tuple[list[int], bool]]:
    """Descriptors from the root down to the target's folder, and whether one had to be made."""
    with ExitStack() as stack:
        chain, is_new = [attempt.root.fd], False
        for folder in folders:
            with attempt.guard(target):
                try:
                    descriptor = open_directory(folder, chain[-1])
                except FileNotFoundError:
                    _make_directory(attempt, chain[-1], folder)
                    descriptor, is_new = open_directory(folder, chain[-1]), True
            stack.callback(os.close, descriptor)
            chain.append(descriptor)
        yield chain, is_new


def _make_directory(attempt: Attempt, parent: int, name: str) -> None:
    """Made inside the attempt's directory, then moved: who lost the attempt makes no directory either."""
    made = attempt.next_name()
    os.mkdir(made, 0o777, dir_fd=attempt.fd)
    try:
        rename_noreplace(attempt.fd, made, parent, name)
    except OSError as error:
        os.rmdir(made, dir_fd=attempt.fd)
        if error.errno in NO_SUCH_CALL:
            attempt.prove()
            with suppress(FileExistsError):
                os.mkdir(name, 0o777, dir_fd=parent)
        elif error.errno != errno.EEXIST:
            raise


def _equal(found: int, target: str, source: Source, watch: Watch) -> Placed:
    there = os.fstat(found)
    if (there.st_dev, there.st_ino) == (source.device, source.inode):
        return Placed(path=target, method="hardlink", device=there.st_dev, inode=there.st_ino, adopted=True)
    if not stat.S_ISREG(there.st_mode) or there.st_size != source.size:
        raise conflict(target)
    checksum = _checksum(found, watch)
    with source.reading() as reader:
        if checksum_of(reader, watch) != checksum:
            raise conflict(target)
    return Placed(path=target, method="copy", device=there.st_dev, inode=there.st_ino, checksum=checksum, adopted=True)


def _checksum(found: int, watch: Watch) -> str:
    reader = os.open(own_path(found), os.O_RDONLY | os.O_CLOEXEC)
    try:
        return checksum_of(reader, watch)
    finally:
        os.close(reader)


def _flush(found: int, chain: list[int]) -> None:
    """What was adopted may come from an attempt that died before its own flush."""
    reader = os.open(own_path(found), os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(reader)
    finally:
        os.close(reader)
    _flush_directories(chain)


def _settle(attempt: Attempt, folder: str, chain: list[int], *, is_new: bool) -> None:
    """Flush the file's folder; those above it only once per attempt, unless one was just made."""
    if is_new or folder not in attempt.settled:
        _flush_directories(chain)
    else:
        _flush_directories(chain[-1:])
    attempt.settled.add(folder)


def _flush_directories(chain: list[int]) -> None:
    """From the file's folder up, so that no folder is on disk without what it holds."""
    for descriptor in reversed(chain):
        os.fsync(descriptor)
