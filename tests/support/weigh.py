"""What a program and all its children weigh: their proportional share of memory, by the kernel's own count."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec

_PARENT = re.compile(r"^PPid:\s+(\d+)$", re.MULTILINE)
_SHARE = re.compile(r"^Pss:\s+(\d+) kB$", re.MULTILINE)


class Weight(msgspec.Struct, frozen=True):
    """Bytes per process, heaviest first, each with its command."""

    processes: tuple[tuple[int, str], ...]

    @property
    def total(self) -> int:
        """All bytes."""
        return sum(size for size, _ in self.processes)

    def table(self) -> str:
        """For people."""
        lines = [f"{size / 1e6:7.1f} MB  {command[:90]}" for size, command in self.processes]
        return "\n".join([*lines, f"{self.total / 1e6:7.1f} MB  together"])


def weigh(pid: int) -> Weight:
    """The process and all below it; those that end meanwhile weigh nothing."""
    found = [weighed for each in _family(pid) if (weighed := _one(each)) is not None]
    return Weight(tuple(sorted(found, reverse=True)))


def _family(pid: int) -> list[int]:
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (parent := _parent(entry)) is not None:
            children.setdefault(parent, []).append(int(entry.name))
    family = [pid]
    for member in family:
        family += children.get(member, [])
    return family


def _parent(entry: Path) -> int | None:
    try:
        found = _PARENT.search((entry / "status").read_text())
    except OSError:
        return None
    return int(found[1]) if found else None


def _one(pid: int) -> tuple[int, str] | None:
    try:
        share = _SHARE.search(Path(f"/proc/{pid}/smaps_rollup").read_text())
        words = Path(f"/proc/{pid}/cmdline").read_bytes().rstrip(b"\0").split(b"\0")
    except OSError:
        return None
    shown = " ".join(Path(word.decode(errors="replace")).name for word in words if word)
    return (int(share[1]) * 1024, shown) if share else None
