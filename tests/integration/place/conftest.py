"""Downloads and libraries on one file system, on two, and on one that is too small."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.disk import Disk, make_disk


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    """Download and library on one file system."""
    made = make_disk(tmp_path / "downloads", tmp_path / "library")
    yield made
    made.root.close()


@pytest.fixture
def apart(tmp_path: Path) -> Iterator[Disk]:
    """The library on another file system (tmpfs) than the download."""
    with tempfile.TemporaryDirectory(dir="/dev/shm") as memory:
        made = make_disk(tmp_path / "downloads", Path(memory) / "library")
        assert made.source.stat().st_dev != made.library.stat().st_dev
        yield made
        made.root.close()


@pytest.fixture
def small_mount(tmp_path: Path) -> Iterator[Path]:
    """An empty file system of 1 MiB."""
    if os.geteuid() != 0:
        pytest.skip("mounting needs root")
    point = tmp_path / "small"
    point.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "sluice-test", point], check=True)
    yield point
    subprocess.run(["umount", point], check=True)
