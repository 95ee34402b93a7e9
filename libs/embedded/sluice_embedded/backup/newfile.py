"""A file that appears whole, on the disk and readable for us alone, or not at all; never in another's place."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from sluice_embedded.backup.manifest import BackupRefused
from sluice_embedded.durable import sync

_NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)  # FAT, SMB and others

_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS, errno.EACCES, errno.ENOENT, errno.ENOTDIR)


@contextmanager
def new_file(path: Path) -> Iterator[BinaryIO]:
    """The file to write, which becomes `path` when the block ends well. BackupRefused where that cannot be."""
    if os.path.lexists(path):
        raise _exists(path)
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    except OSError as error:
        raise BackupRefused(f"cannot write {path}: {error.strerror}") from error
    draft = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        _publish(draft, path)
        sync(path.parent)
    except OSError as error:
        if error.errno not in _DISK:  # a connection's
            raise
        raise BackupRefused(f"cannot write {path}: {error.strerror}") from error
    finally:
        draft.unlink(missing_ok=True)


def _publish(draft: Path, path: Path) -> None:
    """A link fails where the name is taken, a rename would replace; without links the name is taken first."""
    try:
        os.link(draft, path)
    except FileExistsError:
        raise _exists(path) from None
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        _publish_without_links(draft, path)


def _publish_without_links(draft: Path, path: Path) -> None:
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        raise _exists(path) from None
    draft.replace(path)


def _exists(path: Path) -> BackupRefused:
    return BackupRefused(f"{path} exists already; a backup is never written over anything")
