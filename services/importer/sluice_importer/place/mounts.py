"""Where an open file lies: file system, mount, owner. Two mounts of one file system are two places to the kernel."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

import msgspec

_ESCAPED = re.compile(r"\\([0-7]{3})")


class Mount(msgspec.Struct, frozen=True):
    """One line of mountinfo: at `point` of our tree lies `root` of a file system of this kind (`ext4`, `nfs4`, …)."""

    point: str
    root: str
    kind: str


class Whereabouts(msgspec.Struct, frozen=True, kw_only=True):
    """Where a file or folder lies, and whose it is; `mount_id` and `mount` are None where /proc does not tell."""

    path: str
    device: int
    mount_id: int | None
    mount: Mount | None
    uid: int
    gid: int
    mode: int


def whereabouts(path: str, descriptor: int) -> Whereabouts:
    """Of what `descriptor` holds; `path` is how people call it. Raises OSError."""
    found = os.fstat(descriptor)
    number = _mount_id(descriptor)
    return Whereabouts(
        path=path,
        device=found.st_dev,
        mount_id=number,
        mount=_mounts().get(number) if number is not None else None,
        uid=found.st_uid,
        gid=found.st_gid,
        mode=found.st_mode & 0o7777,
    )


def _mount_id(descriptor: int) -> int | None:
    try:
        told = Path(f"/proc/self/fdinfo/{descriptor}").read_text()
    except OSError:
        return None
    found = re.search(r"^mnt_id:\s*(\d+)$", told, re.M)
    return int(found[1]) if found else None


def _mounts() -> Mapping[int, Mount]:
    try:
        return parse_mountinfo(Path("/proc/self/mountinfo").read_text(errors="surrogateescape"))
    except OSError:
        return {}


def parse_mountinfo(text: str) -> dict[int, Mount]:
    """proc(5): id, parent, major:minor, root, mount point, options, any number of tags, `-`, kind, source, options."""
    mounts: dict[int, Mount] = {}
    for line in text.splitlines():
        words = line.split(" ")
        if len(words) < 9 or "-" not in words[6:]:
            continue
        kind = words[words.index("-", 6) + 1]
        mounts[int(words[0])] = Mount(point=_plain(words[4]), root=_plain(words[3]), kind=kind)
    return mounts


def _plain(word: str) -> str:
    return _ESCAPED.sub(lambda found: chr(int(found[1], 8)), word)
