"""deploy/setup.sh: what it makes, with which modes, and that it never takes anything back."""

from __future__ import annotations

import shutil
import stat
import subprocess
from pathlib import Path

import pytest
import yaml

from support.compose import ACCOUNT, set_up
from support.docker import ROOT

MODES = {
    ".env": 0o600,
    "sluice.yaml": 0o600,
    "secrets": 0o700,
    "secrets/clients": 0o700,
    "secrets/nats-password": 0o400,
    "secrets/postgres-password": 0o444,
    "secrets/grafana-password": 0o444,
    "state": 0o700,
    "state/gateway": 0o700,
    "state/nats": 0o700,
    "state/postgres": 0o700,
}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A copy of deploy/ as a fresh checkout has it."""
    ours = shutil.ignore_patterns(".env", "secrets", "state", "sluice.yaml")
    return Path(shutil.copytree(ROOT / "deploy", tmp_path / "deploy", ignore=ours))


@pytest.fixture
def media(tmp_path: Path) -> Path:
    """A data directory whose name a shell would take apart."""
    path = tmp_path / "my data"
    path.mkdir()
    return path


def contents(home: Path) -> dict[str, str]:
    """Every file that setup.sh made."""
    return {name: (home / name).read_text() for name in MODES if (home / name).is_file()}


def test_it_makes_what_compose_wants(home: Path, media: Path) -> None:
    """Each file and directory is there, the account's own, and closed: a password is read by nobody else here."""
    set_up(home, media)
    for name, mode in MODES.items():
        made = (home / name).stat()
        assert oct(stat.S_IMODE(made.st_mode)) == oct(mode), name
        assert (made.st_uid, made.st_gid) == ACCOUNT, name
    assert f"PUID={ACCOUNT[0]}\nPGID={ACCOUNT[1]}\n" in (home / ".env").read_text()
    assert f"DATA='{media}'\n" in (home / ".env").read_text()
    assert (home / "sluice.yaml").read_text() == (home / "sluice.example.yaml").read_text()


def test_no_two_passwords_are_alike(home: Path, media: Path, tmp_path: Path) -> None:
    """Every password is random, on every machine."""
    other = Path(shutil.copytree(home, tmp_path / "other"))
    set_up(home, media)
    set_up(other, media)
    words = [text for place in (home, other) for name, text in contents(place).items() if name.startswith("secrets/")]
    assert len(set(words)) == len(words) == 6
    assert all(len(word) == 48 for word in words)


def test_what_is_there_stays(home: Path, media: Path) -> None:
    """Run again, or over a user's own files, it changes nothing: a lost password is a lost database."""
    (home / "sluice.yaml").write_text("log_level: debug\n")
    set_up(home, media)
    before = contents(home)
    assert before["sluice.yaml"] == "log_level: debug\n"
    said = set_up(home, media, UMASK="002", TZ="Europe/Berlin")
    assert contents(home) == before
    assert "secrets/nats-password stays as it is" in said
    assert not list(home.rglob("*.new"))


def test_it_wants_a_data_directory(home: Path, tmp_path: Path) -> None:
    """Without one, or with one that is not there, it says so and makes nothing."""
    for words in ((), (str(tmp_path / "nowhere"),)):
        done = subprocess.run(["./setup.sh", *words], cwd=home, capture_output=True, text=True, check=False)
        assert done.returncode != 0
        assert "DATA-DIRECTORY" in done.stderr or "nowhere" in done.stderr
        assert not (home / ".env").exists()


def test_a_path_that_cannot_be_quoted_is_refused(home: Path, tmp_path: Path) -> None:
    """A quote would end the value in .env early, and compose would mount another directory."""
    (tmp_path / "mum's").mkdir()
    words = ["./setup.sh", str(tmp_path / "mum's")]
    done = subprocess.run(words, cwd=home, capture_output=True, text=True, check=False)
    assert (done.returncode, "cannot be written into .env" in done.stderr) == (2, True)
    assert not (home / ".env").exists()


def test_every_image_has_a_version() -> None:
    """What worked yesterday is what runs tomorrow: no image follows the newest there is."""
    services = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text())["services"]
    images = [service["image"] for service in services.values()]
    assert len(images) == len(services)
    assert [image for image in images if ":" not in image or image.endswith(":latest")] == []
