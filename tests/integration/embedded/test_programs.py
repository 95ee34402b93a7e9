"""Root's PostgreSQL user gets programs that it can run, wherever pip put them."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from sluice_embedded.account import Account, can_run
from sluice_embedded.postgres import PostgresServer, initialise, reachable_programs, wheel_programs

SOMEBODY = Account(54_329, 54_329)


@pytest.fixture
def closed_wheel() -> Iterator[Path]:
    """The wheel's tree below a directory that only root may enter, as in root's home."""
    with tempfile.TemporaryDirectory(prefix="sluice-test-wheel-") as home:
        wheel = wheel_programs()
        place = Path(home) / wheel.parent.name / wheel.name
        shutil.copytree(wheel, place, ignore=shutil.ignore_patterns("include", "*.a"))
        libraries = wheel.parent.parent / f"{wheel.parent.name}.libs"
        shutil.copytree(libraries, Path(home) / libraries.name)
        yield place


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs PostgreSQL as somebody else")
async def test_programs_out_of_reach_are_copied_once_and_work(closed_wheel: Path) -> None:
    """Where its uid cannot reach the wheel, a copy is made in the data directory, and a cluster can be made with it."""
    with tempfile.TemporaryDirectory(prefix="sluice-test-copy-") as home:
        os.chmod(home, 0o711)  # noqa: S103 - PostgreSQL's uid passes through
        copy = Path(home) / "programs"
        assert not can_run((str(closed_wheel / "bin/postgres"), "--version"), SOMEBODY)
        tree = reachable_programs(closed_wheel, copy, SOMEBODY)
        assert tree.is_relative_to(copy)
        made = (tree / "bin/postgres").stat().st_ino
        assert reachable_programs(closed_wheel, copy, SOMEBODY) == tree
        assert (tree / "bin/postgres").stat().st_ino == made
        server = PostgresServer(Path(home) / "data", 1, "secret", tree, SOMEBODY)
        await initialise(server, "--no-sync")
        assert (server.data / "PG_VERSION").stat().st_uid == SOMEBODY.uid
        assert not (Path(home) / "data.new").exists()


def test_programs_in_reach_are_used_where_they_are(tmp_path: Path) -> None:
    """Nothing is copied for a user who can run the wheel's own."""
    assert reachable_programs(wheel_programs(), tmp_path / "programs", None) == wheel_programs()
    assert list(tmp_path.iterdir()) == []
