"""A data directory is kept in one file and comes back from it, whole, whatever happens on the way."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from random import Random

import pytest

from sluice_common.kit.clock import SYSTEM_CLOCK
from sluice_embedded import majors, servers
from sluice_embedded.alone import alone
from sluice_embedded.backup import archive
from sluice_embedded.layout import Layout, occupied
from sluice_embedded.ports import free_ports
from support import old_cluster
from support.processes import background, until
from support.up import UpForTest, data_directory, processes_in

pytestmark = [pytest.mark.slow, pytest.mark.timeout(480)]
Make = Callable[..., UpForTest]
Everything = dict[str, list[str]]
_SLUICE = str(Path(sys.executable).with_name("sluice"))
_RUN = str(Path(__file__).with_name("run_restore.py"))
CONFIG = """# kept
libraries: {tv: {kind: series, root: /media/tv}}
clients:
  box: {type: deluge, url: http://box, password_file: secrets/client-box-password}
  old: {type: deluge, url: http://old, password_file: /nowhere/secrets/client-old-password}
  own: {type: deluge, url: http://own, password_file: /nowhere/own}
"""
SECRETS = {"client-box-password": b"of-box\n", "client-old-password": b"of-old\n"}
# What `Kept` is restored by: the database, two files, two passwords, and the bus, which is only put aside.
MOVES = range(6)
BEFORE = ("made", "loaded", "stopped", "synced")
AFTER = ("decided", *(f"{step}-{move}" for move in MOVES for step in ("aside", "placed")), "undecided", "removed")
LATER = "INSERT INTO library.media_items VALUES ('m2', 'movie', 'Later', 'later', 2020, NULL, '{}', now())"


class Kept:
    """A data directory with rows, its backup, and what was in it."""

    def __init__(self, layout: Layout, file: Path) -> None:
        self.layout, self.file = layout, file
        background(old_cluster.make_ours(layout))
        layout.config.write_text(CONFIG)
        layout.api_key.write_text("key-of-then\n")
        for name, content in SECRETS.items():
            (layout.secrets / name).write_bytes(content)
        self.ran = sluice("backup", str(file), "--data", str(layout.data))
        assert self.ran.returncode == 0, self.ran.stderr
        self.rows = background(rows(layout))


@pytest.fixture(scope="module")
def kept() -> Iterator[Kept]:
    """One for all tests, which copy it before they change anything."""
    with data_directory() as place:
        yield Kept(Layout(place), place.parent / "backup.tar.gz")


def sluice(*words: str, before: tuple[str, ...] = (), **environ: str) -> subprocess.CompletedProcess[str]:
    """Run the command."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("SLUICE_")}
    return subprocess.run(
        [*before, _SLUICE, *words], capture_output=True, text=True, timeout=120, env={**clean, **environ}
    )


async def rows(layout: Layout) -> Everything:
    """Every row of the stopped data directory."""
    with occupied(layout, root=os.geteuid() == 0):
        server = servers.cluster(layout, layout.postgres / "data", next(free_ports(Random())))
        async with alone(server, layout, SYSTEM_CLOCK, print):
            return await old_cluster.everything(server.settings(servers.DATABASE))


def _copied(kept: Kept, data: Path) -> Layout:
    subprocess.run(["cp", "-a", kept.layout.data, data], check=True)
    return Layout(data)


async def _changed(layout: Layout) -> None:
    """As if life had gone on after the backup."""
    with occupied(layout, root=os.geteuid() == 0):
        server = servers.cluster(layout, layout.postgres / "data", next(free_ports(Random())))
        async with alone(server, layout, SYSTEM_CLOCK, print):
            await old_cluster.execute(server.settings(servers.DATABASE), LATER)
    for path in (layout.config, layout.api_key, *(layout.secrets / name for name in SECRETS)):
        path.write_text("# later\n")
    (layout.nats / "jetstream").mkdir()


def _files(layout: Layout) -> Mapping[str, bytes]:
    names = [path for path in (layout.config, layout.api_key) if path.exists()]
    return {path.name: path.read_bytes() for path in names}


def _restore_until(step: str, kept: Kept, layout: Layout) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, _RUN, str(kept.file), str(layout.data), step]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


def test_a_lost_directory_comes_back(kept: Kept, data: Path) -> None:
    """Configuration, key and every row, in a place where nothing was; nothing is left running or half-made."""
    assert "keep it as you keep those" in kept.ran.stderr
    assert kept.file.stat().st_mode & 0o777 == 0o600
    ran = sluice("restore", str(kept.file), "--data", str(data))
    assert ran.returncode == 0, ran.stderr
    layout = Layout(data)
    assert background(rows(layout)) == kept.rows
    assert _files(layout) == {"sluice.yaml": CONFIG.encode(), "api-key": b"key-of-then\n"}
    restored = {path.name: path for path in layout.client_secrets().values()}
    assert {name: path.read_bytes() for name, path in restored.items()} == SECRETS
    assert {path.stat().st_mode & 0o777 for path in restored.values()} == {0o600}
    assert layout.config.stat().st_mode & 0o777 == layout.api_key.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in layout.postgres.iterdir() if "programs" not in path.name] == ["data"]
    until(lambda: not processes_in(data), "no server is left")


def test_what_is_secret_is_told_without_a_contradiction(kept: Kept, data: Path) -> None:
    """A backup says whose passwords are in it and which file is not; a restore only what is missing, with advice."""
    assert "and the stored passwords of box, old: keep it" in kept.ran.stderr
    assert "every password" not in kept.ran.stderr
    assert [line.split()[3] for line in kept.ran.stderr.splitlines() if line.startswith("Not in it")] == [
        "/nowhere/own,", "/nowhere/secrets/client-old-password,",
    ]  # fmt: skip
    ran = sluice("restore", str(kept.file), "--data", str(data))
    own, old = (line for line in ran.stderr.splitlines() if "which is not there" in line)
    assert "/nowhere/own" in own
    assert "put it back" in own
    assert "write secrets/client-old-password in its place" in old
    assert not any(content.decode().strip() in ran.stderr + kept.ran.stderr for content in SECRETS.values())


def test_what_is_there_is_put_aside_only_when_asked(kept: Kept, data: Path) -> None:
    """Refused without --replace; with it everything of before is kept under names that are told, the bus's too."""
    layout = _copied(kept, data)
    background(_changed(layout))
    refused = sluice("restore", str(kept.file), "--data", str(data))
    assert refused.returncode == 1
    assert f"{layout.config} and {layout.postgres / 'data'} are there already" in refused.stderr
    assert layout.config.read_text() == "# later\n"
    ran = sluice("restore", str(kept.file), "--replace", "--data", str(data))
    assert ran.returncode == 0, ran.stderr
    assert background(rows(layout)) == kept.rows
    assert layout.config.read_text() == CONFIG
    aside = sorted(str(path.relative_to(data)) for path in data.glob("**/*.before-restore-*") if _is_top(path))
    assert [name.partition(".before")[0] for name in aside] == [
        "api-key", "nats/jetstream", "postgres/postgres-18",
        "secrets/client-box-password", "secrets/client-old-password", "sluice.yaml",
    ]  # fmt: skip
    assert all(str(data / name) in ran.stderr for name in aside)
    (layout.postgres / "data").rename(layout.postgres / "gone")
    next(layout.postgres.glob("postgres-18.*")).rename(layout.postgres / "data")
    assert len(background(rows(layout))["library.media_items"]) == 2, "the old one still opens"


def _is_top(path: Path) -> bool:
    return ".before-restore-" in path.name


def test_every_step_of_a_restore_is_one_that_is_killed_below(kept: Kept, data: Path) -> None:
    """A step that is new, or a file that is restored besides, gets its kill."""
    layout = _copied(kept, data)
    background(_changed(layout))
    ran = _restore_until("never", kept, layout)
    assert ran.returncode == 0, ran.stderr
    steps = [line for line in ran.stdout.splitlines() if re.fullmatch(r"[a-z]+(-[0-9]+)?", line)]
    assert steps == [*BEFORE, *AFTER]


@pytest.mark.parametrize("step", [*BEFORE, *AFTER])
def test_a_kill_at_any_step_leaves_the_old_or_the_new(kept: Kept, data: Path, step: str) -> None:
    """Never a mixture: rows, configuration, key, passwords and bus are all of before, or all of the backup."""
    layout = _copied(kept, data)
    background(_changed(layout))
    ran = _restore_until(step, kept, layout)
    assert ran.returncode == -9, ran.stderr
    decided = step in AFTER
    background(_settled(layout))
    found = background(rows(layout))
    assert (found == kept.rows) is decided
    assert len(found["library.media_items"]) == (1 if decided else 2)
    restored = {layout.config: CONFIG.encode(), layout.api_key: b"key-of-then\n"}
    restored |= {layout.secrets / name: content for name, content in SECRETS.items()}
    assert {path: path.read_bytes() for path in restored} == (
        restored if decided else dict.fromkeys(restored, b"# later\n")
    )
    assert (layout.nats / "jetstream").exists() is not decided
    aside = [path for path in data.glob("**/*.before-restore-*") if _is_top(path)]
    assert len(aside) == (len(MOVES) if decided else 0), "what was there is kept, each once"
    assert [path.read_bytes() for path in aside if path.is_file()] == [b"# later\n"] * (len(restored) * decided)
    assert not (layout.postgres / "beside").exists()
    assert not list(data.glob("**/*.beside*"))


def test_only_our_own_leftovers_are_removed(tmp_path: Path) -> None:
    """A user's file or folder in the data directory stays, whatever it is called."""
    layout = Layout(tmp_path)
    for name in ("sluice.yaml.beside", "api-key.beside.new", "my.beside.notes"):
        (tmp_path / name).write_text("x")
    (tmp_path / "folder.beside").mkdir()
    background(_settled(layout))
    assert sorted(path.name for path in tmp_path.glob("*beside*")) == ["folder.beside", "my.beside.notes"]


async def _settled(layout: Layout) -> None:
    """As at the next start."""
    with occupied(layout, root=os.geteuid() == 0):
        await majors.bring_to_ours(majors.Surroundings(layout, SYSTEM_CLOCK, free_ports(Random()), print))


@pytest.mark.parametrize("damage", ["cut", "flipped", "foreign"])
def test_a_damaged_file_touches_nothing(kept: Kept, data: Path, tmp_path: Path, damage: str) -> None:
    """It is checked to its end first: not even a directory is made for it."""
    whole = kept.file.read_bytes()
    half = len(whole) // 2
    content = {
        "cut": whole[:-10],
        "flipped": whole[:half] + bytes([whole[half] ^ 1]) + whole[half + 1 :],
        "foreign": b"PK\x03\x04",
    }[damage]
    file = tmp_path / "b.tar.gz"
    file.write_bytes(content)
    ran = sluice("restore", str(file), "--replace", "--data", str(data))
    assert ran.returncode == 1
    assert str(file) in ran.stderr
    assert "Traceback" not in ran.stderr
    assert not data.exists()


def test_a_backup_while_it_runs_and_none_of_it_is_restored_under_it(kept: Kept, data: Path, make_up: Make) -> None:
    """A running Sluice is backed up as it is; a restore is refused while it runs."""
    layout = _copied(kept, data)
    layout.config.unlink()
    up = make_up()
    up.start()
    up.ready()
    file = data.parent / "running.tar.gz"
    ran = sluice("backup", str(file), "--data", str(data))
    assert ran.returncode == 0, ran.stderr
    manifest = archive.check(file)
    assert manifest.tables == archive.check(kept.file).tables
    assert archive.CONFIG not in manifest.members
    refused = sluice("restore", str(file), "--replace", "--data", str(data))
    assert refused.returncode == 1
    assert f"already runs on {data} (process {up.pid})" in refused.stderr
    assert up.ended() is None
    up.stop()


def test_a_backup_goes_to_the_standard_output(kept: Kept, tmp_path: Path) -> None:
    """For `docker compose exec`: the archive and nothing else there, the words on stderr."""
    file = tmp_path / "b.tar.gz"
    with file.open("wb") as out:
        command = [_SLUICE, "backup", "-", "--data", str(kept.layout.data)]
        ran = subprocess.run(command, stdout=out, stderr=subprocess.PIPE, timeout=120, check=True)
    assert archive.check(file).tables == archive.check(kept.file).tables
    assert b"to the standard output" in ran.stderr


def test_a_backup_is_never_written_over_anything(kept: Kept, tmp_path: Path) -> None:
    """What is there stays; a disk that is full leaves nothing behind."""
    file = tmp_path / "b.tar.gz"
    file.write_bytes(b"mine")
    data = ("--data", str(kept.layout.data))
    refused = sluice("backup", str(file), *data)
    assert (refused.returncode, file.read_bytes()) == (1, b"mine")
    assert "exists already" in refused.stderr
    file.unlink()
    full = Path("/dev/full")
    assert full.exists()
    with full.open("wb") as out:
        command = [_SLUICE, "backup", "-", *data]
        ran = subprocess.run(command, stdout=out, stderr=subprocess.PIPE, timeout=120, check=False)
    assert ran.returncode == 1
    assert b"No space left" in ran.stderr
    assert b"Traceback" not in ran.stderr
    assert list(tmp_path.iterdir()) == []


def test_there_is_nothing_to_keep_where_nothing_ever_ran(data: Path, tmp_path: Path) -> None:
    """A typing error in --data makes neither a directory nor an empty backup."""
    file = tmp_path / "b.tar.gz"
    ran = sluice("backup", str(file), "--data", str(data))
    assert ran.returncode == 1
    assert f"no database in {data}" in ran.stderr
    assert (data.exists(), file.exists()) == (False, False)


def test_an_older_postgres_is_kept_and_comes_back_in_ours(data: Path, tmp_path: Path) -> None:
    """A backup before the upgrade: made with the old programs, restored into the new version."""
    old = Layout(data)
    background(old_cluster.make(old))
    file = tmp_path / "b.tar.gz"
    assert sluice("backup", str(file), "--data", str(data)).returncode == 0
    assert archive.check(file).postgres.startswith("16.")
    assert old_cluster.majors_in(old) == {"data": "16"}
    ran = sluice("restore", str(file), "--replace", "--data", str(data))
    assert ran.returncode == 0, ran.stderr
    assert len(background(rows(old))["history.events"]) == old_cluster.EVENTS
    assert sorted(old_cluster.majors_in(old).values()) == ["16", "18"]
