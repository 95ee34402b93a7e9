"""A crash at any file-system call, and a successor: exactly one right file."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

PROGRAM = Path(__file__).with_name("crash_points.py")
# Fewer points than this would mean that the hook sees nothing.
FEWEST = {"hardlink": 30, "copy": 40}


@pytest.mark.parametrize("memory", [False, True])
@pytest.mark.parametrize("method", ["hardlink", "copy"])
def test_a_crash_before_any_call_is_healed_by_the_successor(method: str, memory: bool, tmp_path: Path) -> None:
    """SIGKILL before each call of placing, the successor's included: one file, nothing left over, the source intact."""
    with tempfile.TemporaryDirectory(dir="/dev/shm" if memory else tmp_path) as place:
        command: list[str | Path] = [sys.executable, PROGRAM, method, f"{place}/downloads", f"{place}/library"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout.split()[-1]) >= FEWEST[method]
