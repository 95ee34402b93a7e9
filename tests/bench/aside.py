"""Processes beside the benchmark: load generators of our own that tell JSON lines, and what any process spends."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

_TICKS = os.sysconf("SC_CLK_TCK")
_ENDED = {"ended": True}


class Aside:
    """`python -m bench.<module> …` in a process of its own. A context manager; `next` gives its lines as they come.

    What it needs goes in by its standard input, as JSON: nothing secret stands in a command line.
    """

    def __init__(self, module: str, given: Mapping[str, object]) -> None:
        self._module = f"bench.{module}"
        self._given = json.dumps(given).encode()
        self._told: queue.Queue[dict[str, Any]] = queue.Queue()
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", self._module], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert self._process.stdin is not None
        self._process.stdin.write(self._given)
        self._process.stdin.close()
        threading.Thread(target=self._listen, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    @property
    def pid(self) -> int:
        """For `cpu_of`."""
        assert self._process is not None
        return self._process.pid

    def next(self, within: float = 120.0) -> dict[str, Any]:
        """The next line; an error when there is none in time, or the process ended."""
        try:
            told = self._told.get(timeout=within)
        except queue.Empty:
            raise TimeoutError(f"{self._module} said nothing for {within:g} s") from None
        if told is _ENDED:
            raise RuntimeError(f"{self._module} ended")
        return told

    def first(self, fits: Callable[[dict[str, Any]], bool], within: float = 120.0) -> dict[str, Any]:
        """The next line that fits; those before it are gone."""
        deadline = time.monotonic() + within
        while not fits(told := self.next(max(0.0, deadline - time.monotonic()))):
            pass
        return told

    def drain(self) -> list[dict[str, Any]]:
        """All lines that were not taken yet."""
        lines = []
        while not self._told.empty():
            if (told := self._told.get()) is _ENDED:
                raise RuntimeError(f"{self._module} ended")
            lines.append(told)
        return lines

    def _listen(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._told.put(json.loads(line))
        self._told.put(_ENDED)


def given() -> dict[str, Any]:
    """What the benchmark gave this process; told by `Aside`."""
    read: dict[str, Any] = json.load(sys.stdin)
    return read


def tell(**words: object) -> None:
    """A line to the benchmark."""
    print(json.dumps(words), flush=True)


def cpu_of(pid: int) -> float:
    """Seconds of CPU that a process has used until now."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def used_by(pid: int) -> float:
    """Seconds of CPU of a process's main thread, in which its loop runs; finer than the ticks of `cpu_of`."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9


def cpu_shares(pids: Mapping[str, int], seconds: float) -> dict[str, float]:
    """Percent of one core that each process uses in the next so many seconds."""
    before, began = {name: cpu_of(pid) for name, pid in pids.items()}, time.monotonic()
    time.sleep(seconds)
    took = time.monotonic() - began
    return {name: 100 * (cpu_of(pid) - before[name]) / took for name, pid in pids.items()}
