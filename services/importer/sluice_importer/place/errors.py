"""What can go wrong on a disk, as stable codes with what to do. The one table from errno to code."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from sluice_common.kit.errors import SluiceError


class PlaceFailed(SluiceError):
    """A file could not be placed; nothing that existed before was changed.

    `code` is stable, `path` is the file it is about (printable UTF-8 without NUL, whatever its name), `errno` the
    system's number where there was one, `detail` says what to do, `transient` whether trying again later can help
    without anybody changing the configuration.
    """

    def __init__(self, code: str, path: str, detail: str, *, errno: int | None = None, transient: bool = False) -> None:
        shown = path.encode(errors="backslashreplace").decode().replace("\0", "\\x00")
        super().__init__(f"{code}: {shown}: {detail}")
        self.code = code
        self.path = shown
        self.detail = detail
        self.errno = errno
        self.transient = transient


class RootUnavailable(PlaceFailed):
    """The library's root is not there or is not this library's: wait, it costs no retry."""

    def __init__(self, path: str, detail: str, *, errno: int | None = None) -> None:
        super().__init__("root_unavailable", path, detail, errno=errno, transient=True)


class _Meaning(NamedTuple):
    code: str
    transient: bool
    detail: str


_MEANINGS = {
    errno.EXDEV: _Meaning(
        "cross_device",
        False,
        "the source and the library are on different file systems or mounts, so no hard link can join them; mount "
        "both below one mount, or set the library's `link: prefer` or `method: copy`",
    ),
    errno.EPERM: _Meaning(
        "link_not_permitted",
        False,
        "the system does not allow the link: the file belongs to another user (fs.protected_hardlinks), is immutable, "
        "or its file system has no hard links; run both programs as one user or group, or set `link: prefer`",
    ),
    errno.EMLINK: _Meaning("too_many_links", False, "the file has as many hard links as its file system allows"),
    errno.EOPNOTSUPP: _Meaning("unsupported", False, "the file system cannot do this; set `link: prefer`"),
    errno.EROFS: _Meaning("read_only", True, "the file system is mounted read-only; mount it writable"),
    errno.ENOSPC: _Meaning("disk_full", True, "there is no space left on the library's file system; make room"),
    errno.EDQUOT: _Meaning("disk_full", True, "the disk quota is used up; make room or raise it"),
    errno.EACCES: _Meaning(
        "permission_denied", True, "this user may not; check the owner, group and mode of the file and its folders"
    ),
    errno.ENOENT: _Meaning("target_missing", True, "a folder vanished while it was being filled"),
    errno.EFBIG: _Meaning("file_too_large", False, "the library's file system or a limit allows no file of this size"),
    errno.ENAMETOOLONG: _Meaning("name_too_long", False, "the file system takes no name of this length"),
    errno.ENOTDIR: _Meaning("target_not_a_folder", False, "a file or a link lies where a folder is needed"),
    errno.ELOOP: _Meaning(
        "target_not_a_folder", False, "a link lies where a folder or file is needed; none is followed"
    ),
    errno.EIO: _Meaning("io_error", True, "the disk or share reported an error; look at the system's log"),
    errno.ESTALE: _Meaning(
        "io_error", True, "the network share lost track of the file; it may have to be mounted again"
    ),
}
_OTHER = _Meaning("file_system_error", True, "the file system refused")


def failure(error: OSError, path: str) -> PlaceFailed:
    """The error of a call that was about `path` in the library."""
    meaning = _MEANINGS.get(error.errno or 0, _OTHER)
    detail = f"{meaning.detail} ({error.strerror or error})"
    return PlaceFailed(meaning.code, path, detail, errno=error.errno, transient=meaning.transient)


def unsafe_target(path: str) -> PlaceFailed:
    """A target that the plan should never have made."""
    return PlaceFailed(
        "unsafe_target", path, "the target leaves the library or takes a name that Sluice keeps for itself"
    )


def conflict(path: str) -> PlaceFailed:
    """Another file lies there."""
    return PlaceFailed(
        "conflict",
        path,
        "another file with other content lies there and was not touched; move or delete one of the two",
    )


@contextmanager
def failing_as(path: str) -> Iterator[None]:
    """Turn an OSError inside into the `PlaceFailed` about `path`."""
    try:
        yield
    except OSError as error:
        raise failure(error, path) from error
