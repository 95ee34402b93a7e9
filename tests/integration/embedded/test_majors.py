"""A database that another PostgreSQL wrote is moved with everything in it, or refused; a crash harms neither."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
from collections import namedtuple
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import pytest

from sluice_common.kit.clock import SYSTEM_CLOCK
from sluice_common.kit.settings import PostgresSettings
from sluice_embedded import majors, postgres, servers
from sluice_embedded.alone import alone
from sluice_embedded.faults import ExitCode, StartRefused
from sluice_embedded.layout import Layout, occupied
from sluice_embedded.ports import free_ports
from support import old_cluster
from support.processes import background, until
from support.up import UpForTest, data_directory, processes_in

pytestmark = [pytest.mark.slow, pytest.mark.timeout(480)]
Make = Callable[..., UpForTest]
_RUN = str(Path(__file__).with_name("run_majors.py"))
# The moments after which something else lies on the disk; the seeds below come in between.
BEFORE = ("prepared", "made", "copied-sluice", "compared", "synced")
AFTER = ("decided", "aside-0", "placed-0", "undecided", "removed")
_EVENTS = "SELECT id, type, time, data::text FROM history.events ORDER BY id"
_ALL = "SELECT count(*) FROM history.events"


@pytest.fixture(scope="module")
def old_data() -> Iterator[Path]:
    """A data directory of PostgreSQL 16, to be copied."""
    with data_directory() as place:
        background(old_cluster.make(Layout(place)))
        yield place


@pytest.fixture
def old(old_data: Path, data: Path) -> Layout:
    """A data directory of PostgreSQL 16 for this test alone."""
    subprocess.run(["cp", "-a", old_data, data], check=True)
    return Layout(data)


def _run(layout: Layout, step: str = "never", *seconds: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, _RUN, str(layout.data), step, *seconds]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


async def _contents(layout: Layout) -> tuple[majors.Contents, list[tuple[object, ...]]]:
    """Everything that is countable, and the events to the letter, of the cluster in use."""
    data = layout.postgres / "data"
    major = postgres.major_of(data)
    port = next(free_ports(Random()))
    if major == postgres.MAJOR:
        server = servers.cluster(layout, data, port)
    else:
        tree = postgres.programs_of(major or "")
        assert tree is not None
        server = servers.older_cluster(layout, tree, port)
    async with alone(server, layout, SYSTEM_CLOCK, print):
        return await majors.contents(server), await old_cluster.fetch(server.settings("sluice"), _EVENTS)


def test_an_older_database_is_moved_whole(old: Layout) -> None:
    """Every row, sequence, role and database arrives; the old cluster lies beside it and would still start."""
    before = background(_contents(old))
    ran = _run(old)
    assert ran.returncode == 0, ran.stderr
    kept = next(old.postgres.glob("postgres-16.*"))
    assert f"kept in {kept}" in ran.stdout
    assert old_cluster.majors_in(old) == {"data": "18", kept.name: "16"}
    assert background(_contents(old)) == before
    counted, events = before
    assert (counted["sluice.history.events"], len(events)) == ((old_cluster.EVENTS,), old_cluster.EVENTS)
    assert counted["sluice.library.episodes_id_seq"] == (7, 1)
    assert counted["other one.public.t"] == (1,)
    assert not (old.postgres / "beside").exists()
    shutil.rmtree(old.postgres / "data")
    kept.rename(old.postgres / "data")
    assert background(_contents(old)) == before


def test_up_moves_it_and_says_where_the_old_one_is(old: Layout, make_up: Make) -> None:
    """One start does it all, a later one nothing; identities go on where they were."""
    up = make_up()
    up.start()
    up.ready(within=120)
    assert "written by PostgreSQL 16" in up.output()
    assert "The old one is kept in" in up.output()
    settings = background(_settings_of(old, up))
    assert background(old_cluster.fetch(settings, _ALL)) == [(old_cluster.EVENTS,)]
    insert = "INSERT INTO library.episodes (media_item, season, number) VALUES ('m1', 2, 1) RETURNING id"
    assert background(old_cluster.fetch(settings, insert)) == [(8,)]
    up.stop()
    again = make_up()
    again.start()
    again.ready()
    assert "PostgreSQL 16" not in again.output()
    assert len(list(old.postgres.glob("postgres-16.*"))) == 1


async def _settings_of(layout: Layout, up: UpForTest) -> PostgresSettings:
    port = up.state()["children"]["postgres"]["port"]
    return servers.cluster(layout, layout.postgres / "data", port).settings(servers.DATABASE)


@pytest.mark.parametrize("step", [*BEFORE, *AFTER])
def test_a_kill_at_any_step_loses_nothing(old: Layout, step: str) -> None:
    """The old one is in use until the new one is complete; the next start goes on from there and leaves no rubbish."""
    ran = _run(old, step)
    assert ran.returncode == -9, (ran.returncode, ran.stdout, ran.stderr)
    there = old_cluster.majors_in(old)
    assert "16" in there.values(), "the old one is somewhere whatever happens"
    if step in BEFORE:
        assert there["data"] == "16"
        assert not (old.postgres / "beside" / "decided").exists()
    _well_afterwards(old)


@pytest.mark.parametrize("seed", range(3))
def test_a_kill_in_the_middle_of_the_copy_loses_nothing(old: Layout, seed: int) -> None:
    """Whenever it comes, while programs run on both servers: the next start removes the half and does it anew."""
    ran = _run(old, "new-runs", f"{Random(seed).uniform(0.0, 0.6):.3f}")
    assert ran.returncode in (-9, 0), ran.stderr
    _well_afterwards(old)


def _well_afterwards(layout: Layout) -> None:
    ran = _run(layout)
    assert ran.returncode == 0, (ran.stdout, ran.stderr)
    kept = [path.name for path in layout.postgres.glob("postgres-16.*")]
    assert len(kept) == 1
    assert old_cluster.majors_in(layout) == {"data": "18", kept[0]: "16"}
    assert not (layout.postgres / "beside").exists()
    until(lambda: not processes_in(layout.data), "no server is left")
    counted, events = background(_contents(layout))
    assert len(events) == old_cluster.EVENTS
    assert counted["sluice.library.media_items"] == (1,)


def test_what_the_old_one_wrote_after_the_decision_is_not_lost(old: Layout) -> None:
    """An older Sluice that ran on the old cluster in between makes the copy worthless: it is made anew."""
    assert _run(old, "decided").returncode == -9
    background(_add_a_row(old))
    ran = _run(old)
    assert ran.returncode == 0, ran.stderr
    assert "used meanwhile" in ran.stdout
    assert background(_contents(old))[0]["sluice.history.events"] == (old_cluster.EVENTS + 1,)


async def _add_a_row(layout: Layout) -> None:
    tree = postgres.programs_of("16")
    assert tree is not None
    server = servers.older_cluster(layout, tree, next(free_ports(Random())))
    async with alone(server, layout, SYSTEM_CLOCK, print):
        row = "INSERT INTO history.events (id, type, client, time, source, data) VALUES ('late','x','c',now(),'s','{}')"
        await old_cluster.execute(server.settings("sluice"), row)


@pytest.mark.parametrize(
    ("major", "words"),
    [
        ("19", "A newer PostgreSQL's data cannot be dumped for an older one"),
        ("15", "has no programs of PostgreSQL 15"),
        ("9.6", "cannot be dumped"),
    ],
)
def test_a_version_that_cannot_be_moved_is_refused(make_up: Make, data: Path, major: str, words: str) -> None:
    """Exit code 6, both versions, the directory and what to do; the cluster is not touched."""
    cluster = data / "postgres/data"
    cluster.mkdir(parents=True)
    (cluster / "PG_VERSION").write_text(f"{major}\n")
    up = make_up()
    up.start()
    assert up.wait() == ExitCode.DATABASE_VERSION
    said = up.output()
    assert words in said
    assert f"{cluster} was written by PostgreSQL {major}, and this Sluice runs PostgreSQL 18" in said
    assert "sluice restore FILE --replace" in said
    assert [path.name for path in cluster.iterdir()] == ["PG_VERSION"]
    assert not (data / "postgres/beside").exists()


def test_a_full_disk_is_noticed_before_anything_is_made(old: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    """The old one is left as it is, and the message says how much is needed and where."""
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**12, 10**12 - 10**7, 10**7))
    around = majors.Surroundings(old, SYSTEM_CLOCK, free_ports(Random()), print)
    with occupied(old, root=os.geteuid() == 0), pytest.raises(StartRefused) as refused:
        asyncio.run(majors.bring_to_ours(around))
    assert refused.value.code is ExitCode.DATA_DIRECTORY
    assert "where 9 MB are free" in str(refused.value)
    assert old_cluster.majors_in(old) == {"data": "16"}
    assert not (old.postgres / "beside").exists()


def test_an_old_database_that_does_not_open_is_left_alone(old: Layout) -> None:
    """A password that is not its own: refused with what its server said, nothing made, nothing changed."""
    (old.secrets / "postgres-password").write_text("another\n")
    ran = _run(old)
    assert ran.returncode == 1
    assert "does not accept our password" in ran.stderr
    assert old_cluster.majors_in(old).get("data") == "16"
    assert not list(old.postgres.glob("postgres-16.*"))
