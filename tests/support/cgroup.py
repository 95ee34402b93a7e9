"""A control group of a test's own that limits memory, v1 or v2, where this machine lets us make one."""

from __future__ import annotations

import re
import secrets
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from support.processes import until

_MEMORY_V1 = re.compile(r"^\S+ \S+ \S+ / (?P<point>\S+) .* - cgroup \S+ \S*\bmemory\b", re.MULTILINE)
_V2 = re.compile(r"^\S+ \S+ \S+ / (?P<point>\S+) .* - cgroup2 ", re.MULTILINE)


class MemoryLimit:
    """A group with at most `limit` bytes. A context manager: made on entry, removed on exit, when nobody is in it.

    `enter` is the beginning of a command that runs the rest of it inside. Page cache counts too, and is given up first.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._group: Path | None = None
        self._v2 = False

    def __enter__(self) -> Self:
        mounts = Path("/proc/self/mountinfo").read_text()
        for found, v2 in ((_MEMORY_V1.search(mounts), False), (_V2.search(mounts), True)):
            if found and self._make(Path(found["point"]) / f"sluice-test-{secrets.token_hex(4)}", v2):
                break
        return self

    def _make(self, group: Path, v2: bool) -> bool:
        file = "memory.max" if v2 else "memory.limit_in_bytes"
        try:
            if v2:
                (group.parent / "cgroup.subtree_control").write_text("+memory")
            group.mkdir()
        except OSError:
            return False
        try:
            (group / file).write_text(str(self._limit))
        except OSError:
            group.rmdir()
            return False
        self._group, self._v2 = group, v2
        return True

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._group is not None:
            until(self._removed, "the control group is empty")

    def _removed(self) -> bool:
        assert self._group is not None
        with suppress(OSError):
            self._group.rmdir()
        return not self._group.exists()

    @property
    def made(self) -> bool:
        """Whether this machine let us."""
        return self._group is not None

    @property
    def enter(self) -> tuple[str, ...]:
        """The words before a command that shall run inside; none where there is no group."""
        if self._group is None:
            return ()
        return ("sh", "-c", f'echo $$ > "{self._group}/cgroup.procs" && exec "$@"', "sh")

    @property
    def killed(self) -> int:
        """How many processes the kernel killed here for want of memory."""
        return self._counted("memory.events" if self._v2 else "memory.oom_control", "oom_kill")

    def told(self) -> str:
        """What the kernel counted, for people."""
        if self._group is None:
            return "no control group could be made here"
        peak = "memory.peak" if self._v2 else "memory.max_usage_in_bytes"
        parts = [f"limit {self._limit / 1e6:.0f} MB", f"peak with page cache {self._number(peak) / 1e6:.0f} MB"]
        if self._v2:
            parts.append(f"{self._counted('memory.events', 'max')} times at the limit")
        else:
            parts.append(f"{self._number('memory.failcnt')} times at the limit")
        return ", ".join([*parts, f"{self.killed} killed"])

    def _number(self, file: str) -> int:
        assert self._group is not None
        try:
            return int((self._group / file).read_text())
        except OSError:
            return 0  # memory.peak is younger than some kernels

    def _counted(self, file: str, name: str) -> int:
        if self._group is None:
            return 0
        found = re.search(rf"^{name} (\d+)$", (self._group / file).read_text(), re.MULTILINE)
        assert found is not None, f"{file} has no {name}"
        return int(found[1])
