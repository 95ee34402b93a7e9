"""Making a file inside the attempt's directory: hard link or durable copy. Nothing is published here."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from contextlib import suppress
from typing import Literal

import msgspec
from xxhash import xxh3_128

from sluice_importer.place.attempt import Attempt
from sluice_importer.place.errors import PlaceFailed
from sluice_importer.place.kernel import link_inode
from sluice_importer.place.source import Source, source_failure

Method = Literal["hardlink", "copy"]
LinkPolicy = Literal["prefer", "require"]
CHUNK = 1024 * 1024

# Why a link cannot be where a copy can.
COPY_INSTEAD = frozenset({"cross_device", "link_not_permitted", "too_many_links", "unsupported"})


def _nothing() -> None:
    """Nobody wants to stop it."""


def _nobody(_: int) -> None:
    """Nobody looks."""


class Watch(msgspec.Struct, frozen=True):
    """Who looks on. `check` raises to stop the work, which cleans up after itself; `progress` gets the bytes copied."""

    check: Callable[[], None] = _nothing
    progress: Callable[[int], None] = _nobody


class Made(msgspec.Struct, frozen=True):
    """A file in the attempt's directory, flushed to disk. `checksum` (XXH3-128, hex) is of what was copied."""

    name: str
    method: Method
    device: int
    inode: int
    checksum: str | None = None


def make(source: Source, attempt: Attempt, method: Method, link: LinkPolicy, watch: Watch) -> Made:
    """Make the file by `method`; where a link is only preferred and cannot be, by a copy, as `Made.method` says."""
    try:
        return _METHODS[method](source, attempt, watch)
    except PlaceFailed as failed:
        if method == "copy" or link == "require" or failed.code not in COPY_INSTEAD:
            raise
    return _copy(source, attempt, watch)


def checksum_of(descriptor: int, watch: Watch) -> str:
    """XXH3-128 of the whole file, hex."""
    digest, chunk, position = xxh3_128(), memoryview(bytearray(CHUNK)), 0
    while count := os.preadv(descriptor, [chunk], position):
        watch.check()
        digest.update(chunk[:count])
        position += count
    return digest.hexdigest()


def _hardlink(source: Source, attempt: Attempt, _: Watch) -> Made:
    """Link the very inode that was checked. Its mode and owner are the seed's: nothing but its data is flushed."""
    name = attempt.next_name()
    try:
        link_inode(source.fd, attempt.fd, name)
    except OSError as error:
        if error.errno == errno.ENOENT:
            attempt.prove()
        raise source_failure(error, source.path) from error
    with source.reading() as reader, attempt.guard(source.path):
        os.fsync(reader)
    return Made(name, "hardlink", source.device, source.inode)


def _copy(source: Source, attempt: Attempt, watch: Watch) -> Made:
    name = attempt.next_name()
    shown = str(attempt.root.path)
    with attempt.guard(shown):
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        writer = os.open(name, flags, 0o666, dir_fd=attempt.fd)
    try:
        return _fill(source, attempt, name, writer, watch)
    except BaseException:
        with suppress(OSError):
            attempt.discard(name)
        raise
    finally:
        os.close(writer)


def _fill(source: Source, attempt: Attempt, name: str, writer: int, watch: Watch) -> Made:
    """Allocate, copy, compare with what was promised, keep the time, flush."""
    with source.reading() as reader, attempt.guard(str(attempt.root.path)):
        _allocate(writer, source.size)
        checksum, copied = _pour(reader, writer, watch)
        if copied != source.size or source.has_changed():
            raise PlaceFailed("source_changed", source.path, "it changed while it was being copied", transient=True)
        os.utime(writer, ns=(source.mtime_ns, source.mtime_ns))
        os.fsync(writer)
        made = os.fstat(writer)
    if made.st_size != source.size:
        raise PlaceFailed("copy_differs", source.path, "the copy came out with another size", transient=True)
    return Made(name, "copy", made.st_dev, made.st_ino, checksum)


def _allocate(writer: int, size: int) -> None:
    """Take the space at once: a disk that is too full says so before anything is copied."""
    if size == 0:
        return
    try:
        os.posix_fallocate(writer, 0, size)
    except OSError as error:
        if error.errno not in (errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS):
            raise


def _pour(reader: int, writer: int, watch: Watch) -> tuple[str, int]:
    """Copy all there is; the checksum of it and its length."""
    digest, chunk, copied = xxh3_128(), memoryview(bytearray(CHUNK)), 0
    while count := os.readv(reader, [chunk]):
        watch.check()
        digest.update(chunk[:count])
        written = 0
        while written < count:
            written += os.write(writer, chunk[written:count])
        copied += count
        watch.progress(copied)
    return digest.hexdigest(), copied


_METHODS: dict[Method, Callable[[Source, Attempt, Watch], Made]] = {"hardlink": _hardlink, "copy": _copy}
