"""The few system calls that Python lacks or spells unsafely. Thin: no decision is made here."""

from __future__ import annotations

import ctypes
import errno
import os

_RENAME_NOREPLACE = 1
_libc = ctypes.CDLL(None, use_errno=True)
_renameat2 = getattr(_libc, "renameat2", None)

# A file system that does not know the flag answers EINVAL (NFS), a kernel without the call ENOSYS.
NO_SUCH_CALL = frozenset({errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP})

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def rename_noreplace(source_dir: int, source: str, target_dir: int, target: str) -> None:
    """`renameat2(RENAME_NOREPLACE)`: FileExistsError where the target exists, NO_SUCH_CALL where it is unknown."""
    if _renameat2 is None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS), target)
    names = os.fsencode(source), os.fsencode(target)
    if _renameat2(source_dir, names[0], target_dir, names[1], _RENAME_NOREPLACE) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), target)


def open_directory(name: str, parent: int) -> int:
    """A descriptor of the directory `name` in `parent`; a symbolic link is ENOTDIR or ELOOP, never followed."""
    return os.open(name, _DIRECTORY, dir_fd=parent)


def link_inode(descriptor: int, directory: int, name: str) -> None:
    """Give the very inode behind `descriptor` (O_PATH is enough) another name in `directory`."""
    os.link(own_path(descriptor), name, dst_dir_fd=directory, follow_symlinks=True)


def own_path(descriptor: int) -> str:
    """A path that names this very descriptor's inode, whatever its name points at by now."""
    return f"/proc/self/fd/{descriptor}"
