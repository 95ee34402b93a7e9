"""What a benchmark says: one JSON line per figure, quantiles of samples, and the machine they were taken on."""

from __future__ import annotations

import math
import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec

SEED = 1


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """One line. `bench` is the room, `part` what was measured in it, `n` how many rows (of each of its clients)."""

    bench: str
    part: str
    n: int
    metric: str
    value: float
    unit: str
    seed: int
    at: datetime


class Sheet:
    """The figures of one part, written down when all of it is measured: a part that broke off leaves nothing."""

    def __init__(self, bench: str, part: str, n: int) -> None:
        self.bench, self.part, self.n = bench, part, n
        self.figures: list[Figure] = []

    @property
    def name(self) -> str:
        """Of its file."""
        return f"{self.bench}-{self.part}-{self.n}.jsonl"

    def add(self, metric: str, value: float, unit: str) -> None:
        """One figure; it is also told to whoever looks on."""
        figure = Figure(
            bench=self.bench,
            part=self.part,
            n=self.n,
            metric=metric,
            value=round(value, 4),
            unit=unit,
            seed=SEED,
            at=datetime.now(UTC).replace(microsecond=0),
        )
        self.figures.append(figure)
        print(msgspec.json.encode(figure).decode(), flush=True)

    def add_spread(self, metric: str, samples: Sequence[float], unit: str, high: int = 95) -> None:
        """Median and one high percentile of samples, and how many there were."""
        self.add(f"{metric}_median", quantile(samples, 0.5), unit)
        self.add(f"{metric}_p{high}", quantile(samples, high / 100), unit)
        self.add(f"{metric}_samples", len(samples), "")

    def write(self, directory: Path) -> None:
        """All of it at once."""
        lines = b"".join(msgspec.json.encode(figure) + b"\n" for figure in self.figures)
        directory.mkdir(parents=True, exist_ok=True)
        whole = directory / f"{self.name}.part"
        whole.write_bytes(lines)
        whole.replace(directory / self.name)


def quantile(samples: Sequence[float], share: float) -> float:
    """The smallest sample that at least `share` of all samples do not exceed: always one that was seen."""
    ordered = sorted(samples)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def read(directory: Path) -> list[Figure]:
    """Every figure of a directory."""
    lines = (line for path in sorted(directory.glob("*.jsonl")) for line in path.read_bytes().splitlines())
    return [msgspec.json.decode(line, type=Figure) for line in lines]


def machine() -> str:
    """What figures depend on."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    cores = len(os.sched_getaffinity(0))
    system = f"Linux {platform.release()}, Python {platform.python_version()}"
    return f"{_processor()}, {cores} cores, {memory:.0f} GB, {system}"


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
