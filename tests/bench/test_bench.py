"""The benchmarks run, so that they can be run when figures are wanted. No figure is judged here."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench import figures, report
from bench.fleets import latencies
from bench.synthetic import FAST

TESTS = Path(__file__).resolve().parents[1]
MEASURED = {
    "clients": {"cold", "change_median", "cpu_client-poller", "cpu_gateway", "cpu_client", "beside_change_p95"},
    "fleets": {"frame_to_sse_median", "page_by_name_p99", "cpu_gateway", "memory_all", "stall_watching_gateway"},
    "finished": {"finished_to_linked_median", "finished_to_linked_p99"},
    "idle": {
        "fixed_alone_client-poller",
        "fixed_watched_client-poller",
        "default_alone_client",
        "default_watched_client",
    },
    "scale": {"cpu_client-poller", "memory_client-poller", "busy_watching_client-poller", "beyond_interval"},
    "takeover": {"taken_median", "taken_slowest", "densest"},
}


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_every_benchmark_runs_and_is_written_down(tmp_path: Path) -> None:
    """Once and small: real client, fleet, import and take-over end in JSON lines, and these in the page.

    What needs the folder of `make trixie` is said to be left out where there is none.
    """
    found, page = tmp_path / "figures", tmp_path / "page.md"
    command = [sys.executable, "-m", "bench", "--smoke", "--kinds", "qbittorrent", "--trixie", str(tmp_path / "none")]
    ran = subprocess.run(
        [*command, "--figures", str(found), "--page", str(page)],
        env={**os.environ, "PYTHONPATH": str(TESTS)},
        capture_output=True,
        text=True,
        timeout=540,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    if "not installed" in ran.stderr:
        pytest.skip(ran.stderr)
    lines = figures.read(found)
    for bench, metrics in MEASURED.items():
        assert metrics <= {line.metric for line in lines if line.bench == bench}, bench
    assert all(line.seed == figures.SEED for line in lines)
    written = page.read_text()
    assert figures.machine() in written
    assert "| 100 | **Sluice** |" in written
    assert "newer qbittorrent: not run: needs make trixie" in ran.stderr
    assert "not run: needs `make trixie`" in written


def test_a_quantile_is_a_sample_that_was_seen() -> None:
    """Nothing is interpolated: of few samples the high quantiles are the slowest."""
    samples = [5.0, 1.0, 4.0, 2.0, 3.0]
    assert [figures.quantile(samples, share) for share in (0, 0.5, 0.95, 1)] == [1, 3, 5, 5]
    assert figures.quantile([7.0], 0.99) == 7


def test_a_part_that_broke_off_leaves_nothing(tmp_path: Path) -> None:
    """What is in the directory was measured to its end; the rest is measured again."""
    sheet = figures.Sheet("clients", "qbittorrent", 5)
    sheet.add("cold", 1.23456, "s")
    assert figures.read(tmp_path) == []
    sheet.write(tmp_path)
    assert figures.read(tmp_path) == sheet.figures
    assert [path.name for path in tmp_path.iterdir()] == [sheet.name]


def test_a_frame_is_followed_to_its_event() -> None:
    """Only a row that both told counts, and only once."""
    row = ["c000", "ab", FAST]
    slow = ["c000", "cd", FAST - 1]
    told = [
        {"frame": 1.0, "rows": [row, slow]},
        {"at": 1.25, "rows": [["c000", "ab", 0], ["c001", "ab", FAST]]},
        {"at": 1.5, "rows": [row, slow]},
        {"at": 1.75, "rows": [row]},
    ]
    assert latencies(told) == [500.0]


def test_the_page_shows_what_is_missing_as_missing() -> None:
    """A part that was not measured is a dash and not a zero, and Flood's figures are given as they were."""
    sheet = figures.Sheet("clients", "qbittorrent", 1000)
    sheet.add("cold", 3.0, "s")
    page = report.page(sheet.figures, "a machine")
    assert "| 1,000 | **Sluice** | 3.00 | – | – | – | – |" in page
    assert "|  | Flood | 4.8 | 1.5 | 2.2 | 4 | 7 |" in page
    assert "a machine" in page
