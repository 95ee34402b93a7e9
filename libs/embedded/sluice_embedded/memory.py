"""How much memory this machine, or the box we were put into, has; and whether that is little. Nothing is changed here.

Limits are those of the control groups above us, v2 (`memory.max`) and v1 (`memory.limit_in_bytes`): each group's limit
holds for all below it, so that the smallest on the way up counts.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath

SMALL = 2_000_000_000  # bytes; a box sold as 2 GiB shows a little more than this


def is_small(total: int) -> bool:
    """Whether all services had better share one process: below 2 GB."""
    return total < SMALL


def total(proc: Path = Path("/proc")) -> int:
    """Bytes that we may use at most: the machine's memory, or the smallest limit of our control groups."""
    return min([_machine(proc), *_limits(proc)])


def _machine(proc: Path) -> int:
    with suppress(OSError):
        if found := re.search(r"^MemTotal:\s+(\d+) kB$", (proc / "meminfo").read_text(), re.MULTILINE):
            return int(found[1]) * 1024
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")  # where there is no /proc


def _limits(proc: Path) -> Iterator[int]:
    """Every limit on the way from our groups to their roots, as far as it can be read."""
    with suppress(OSError):
        mounts = (proc / "self/mountinfo").read_text().splitlines()
        for line in (proc / "self/cgroup").read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            if not controllers:
                yield from _limits_above(_mounted(mounts, "cgroup2", None, path), "memory.max")
            elif "memory" in controllers.split(","):
                yield from _limits_above(_mounted(mounts, "cgroup", "memory", path), "memory.limit_in_bytes")


def _mounted(mounts: list[str], kind: str, option: str | None, path: str) -> list[Path]:
    """Where our group lies and all above it, nearest first; empty where its hierarchy is not mounted.

    A line of mountinfo: `… root mount-point options … - type source super-options` (proc(5)). In a container the mount
    may show a part of the tree (`root`), and our path may be told from the host's point of view.
    """
    for line in mounts:
        left, _, right = line.partition(" - ")
        root, point = left.split()[3:5]
        fields = right.split()
        if fields[0] == kind and (option is None or option in fields[-1].split(",")):
            inner = PurePosixPath(path)
            inner = inner.relative_to(root) if inner.is_relative_to(root) else PurePosixPath()
            here = Path(point) / str(inner).lstrip("/")
            return [here, *(above for above in here.parents if above.is_relative_to(point))]
    return []


def _limits_above(groups: list[Path], file: str) -> Iterator[int]:
    for group in groups:
        with suppress(OSError, ValueError):  # the root has no limit, `max` is none
            yield int((group / file).read_text())
