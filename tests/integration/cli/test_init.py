"""`sluice init` before a real Deluge: by options alone, and with somebody who types."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from integration.cli.conftest import Cli
from sluice_client_poller.adapters.deluge.client import DelugeAdapter
from sluice_client_poller.adapters.port import NewDownload
from sluice_common.kit.settings import ClientSettings, load
from support.deluge import Deluge
from support.fixtures import own_deluge
from support.terminal import Terminal
from support.torrents import make_content, make_torrent

__all__ = ["own_deluge"]

pytestmark = pytest.mark.client


@pytest.fixture
def media(tmp_path: Path) -> Path:
    """Two folders for libraries."""
    for name in ("tv", "movies"):
        (tmp_path / "media" / name).mkdir(parents=True)
    return tmp_path / "media"


@pytest.fixture
def command(tmp_path: Path) -> Cli:
    """The command with a data directory that is not there yet."""
    return Cli(tmp_path / "home" / "data")


def options(deluge: Deluge, media: Path, tmp_path: Path, password: str | None = None) -> list[str]:
    """Everything that a script gives."""
    secret = tmp_path / "password"
    secret.write_text(f"{password or deluge.password}\n")
    return [
        "init", "--yes", "--client", f"seedbox=deluge,{deluge.url}", "--password-file", f"seedbox={secret}",
        "--library", f"tv=series,{media}/tv", "--library", f"movies=movies,{media}/movies",
    ]  # fmt: skip


async def label(deluge: Deluge, parent: Path, *categories: str) -> None:
    """Let Deluge have these labels, each on a download."""
    settings = {"type": "deluge", "url": deluge.url, "password": deluge.password}
    adapter = DelugeAdapter("d", ClientSettings.model_validate(settings))
    try:
        for category in categories:
            torrent = make_torrent(make_content(parent / "made", f"{category}.bin", 20_000))
            await adapter.add(NewDownload(torrent=torrent.data, category=category, paused=True))
    finally:
        await adapter.close()


def marked(media: Path) -> list[str]:
    """The libraries that have something of ours in them."""
    return [path.parent.name for path in media.rglob(".sluice-*")]


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text())


async def test_by_options_alone(command: Cli, own_deluge: Deluge, media: Path, tmp_path: Path) -> None:
    """A file that Sluice takes, owners by the names of the labels, marked roots; a second run changes nothing."""
    await label(own_deluge, tmp_path, "tv", "radarr", "linux")
    ran = await command(*options(own_deluge, media, tmp_path))
    assert (ran.code, ran.out) == (0, ""), ran
    config = command.data / "sluice.yaml"
    assert read(config) == {
        "clients": {
            "seedbox": {
                "type": "deluge",
                "url": own_deluge.url,
                "password_file": str(tmp_path / "password"),
                "owners": {"radarr": "radarr", "tv": "sluice", "movies": "sluice"},
            }
        },
        "libraries": {
            "tv": {"kind": "series", "root": f"{media}/tv", "link": "require"},
            "movies": {"kind": "movies", "root": f"{media}/movies", "link": "require"},
        },
    }
    assert load(config, {}).clients["seedbox"].password is not None
    assert "tv: what seedbox downloads will be hardlinked" in ran.err
    assert f"Marked {media}/movies as movies.\n" in ran.err
    assert "Write this?" not in ran.err
    assert (media / "tv/.sluice-root").read_text() == "tv\n"
    assert (media / "movies/.sluice-root").read_text() == "movies\n"
    assert stat.S_IMODE(config.stat().st_mode) == 0o600
    before = config.read_bytes()
    again = await command(*options(own_deluge, media, tmp_path))
    assert (again.code, "never overwritten" in again.err) == (1, True)
    assert config.read_bytes() == before
    assert sorted(path.name for path in command.data.iterdir() if path.is_file()) == ["sluice.yaml"]


async def test_without_a_library(command: Cli, own_deluge: Deluge, media: Path, tmp_path: Path) -> None:
    """Only the queue is wanted then, and that is said with what to do, instead of being found out later."""
    words = options(own_deluge, media, tmp_path)
    ran = await command(*words[: words.index("--library")])
    assert read(command.data / "sluice.yaml")["features"] == ["queue"]
    assert "Without a library nothing is imported: `features: [queue]` is written" in ran.err
    with_libraries = await command(*words, "--print")
    assert "Without a library" not in with_libraries.err


async def test_what_cannot_be_reached_writes_nothing(
    command: Cli, own_deluge: Deluge, media: Path, tmp_path: Path
) -> None:
    """A dead URL, a folder that is not there: exit code 1, the reason, and everything as before."""
    right = options(own_deluge, media, tmp_path)
    dead = [word.replace(own_deluge.url, "http://127.0.0.1:1") for word in right]
    nowhere = [word.replace(f"{media}/tv", f"{media}/nowhere") for word in right]
    for words, says in ((dead, "(unreachable)"), (nowhere, "is not there; is its disk mounted?")):
        ran = await command(*words)
        assert (ran.code, ran.out) == (1, "")
        assert says in ran.err
        assert "nothing was written" in ran.err
    assert not command.data.exists()
    assert marked(media) == []


async def test_a_wrong_password(command: Cli, own_deluge: Deluge, media: Path, tmp_path: Path) -> None:
    """Exit code 1 and the client's refusal; the password itself is never shown."""
    ran = await command(*options(own_deluge, media, tmp_path, password="not this one"))
    assert (ran.code, ran.out) == (1, "")
    assert "refused the password" in ran.err
    assert "(auth_failed); nothing was written" in ran.err
    assert "not this one" not in ran.err
    assert not command.data.exists()


async def test_settings_that_cannot_be(command: Cli, media: Path, tmp_path: Path) -> None:
    """A missing password file and a URL of another kind are told in words, without those of a library."""
    absent = ["--client", "a=deluge,127.0.0.1:1", "--password-file", f"a={tmp_path}/absent"]
    for words, says in ((absent, "absent"), (["--client", "a=deluge,ftp://h"], "must begin with http:// or https://")):
        ran = await command("init", "--yes", *words)
        assert (ran.code, ran.out) == (1, "")
        assert says in ran.err
        assert "Value error" not in ran.err
        assert "pattern" not in ran.err


async def test_printing(command: Cli, own_deluge: Deluge, media: Path, tmp_path: Path) -> None:
    """The file on standard output, and nothing written; also where a configuration lies already."""
    words = [*options(own_deluge, media, tmp_path), "--print"]
    ran = await command(*words)
    assert ran.code == 0
    assert yaml.safe_load(ran.out)["libraries"]["tv"]["kind"] == "series"
    assert not command.data.exists()
    assert marked(media) == []
    command.data.mkdir(parents=True)
    (command.data / "sluice.yaml").write_text("clients: {}\n")
    assert (await command(*words)).out == ran.out
    assert (command.data / "sluice.yaml").read_text() == "clients: {}\n"


async def test_a_folder_that_is_elsewhere_here(command: Cli, own_deluge: Deluge, media: Path, tmp_path: Path) -> None:
    """Found below --downloads by the end of its name, or told by --path; else it is said, and left to doctor."""
    theirs = own_deluge.download_dir
    theirs.rename(tmp_path / "downloads")
    words = [*options(own_deluge, media, tmp_path), "--print"]
    found = yaml.safe_load((await command(*words, "--downloads", str(tmp_path))).out)
    assert found["clients"]["seedbox"]["paths"] == {str(theirs.parent): str(tmp_path)}
    told = yaml.safe_load((await command(*words, "--path", f"seedbox={theirs}:{tmp_path}/downloads")).out)
    assert told["clients"]["seedbox"]["paths"] == {str(theirs): f"{tmp_path}/downloads"}
    (tmp_path / "downloads").rename(tmp_path / "other")
    ran = await command(*words)
    assert "paths" not in yaml.safe_load(ran.out)["clients"]["seedbox"]
    assert "set clients.seedbox.paths" in ran.err


@pytest.mark.parametrize(
    "words", [[], ["--client", "a=deluge"], ["--client", "a=deluge,http://h", "--username", "b=c"]]
)
async def test_wrong_usage(command: Cli, words: list[str]) -> None:
    """Without a terminal a client has to be named, and rightly: exit code 2."""
    ran = await command("init", *words)
    assert (ran.code, ran.out) == (2, "")
    assert len(ran.err.splitlines()) == 1


def environ_of(data: Path) -> Mapping[str, str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("SLUICE_")}
    return {**clean, "SLUICE_DATA": str(data)}


def test_with_somebody_who_types(command: Cli, own_deluge: Deluge, media: Path, tmp_path: Path) -> None:
    """A wrong URL and a wrong password are asked for again; the password is not echoed and lies in a file for us
    alone; a folder that is not here is asked for; what is declined is left out."""
    own_deluge.download_dir.rename(tmp_path / "elsewhere")
    with Terminal([sys.executable, "-m", "sluice_cli.main", "init"], environ_of(command.data)) as typed:
        typed.answer(r"Which kind of download client \(deluge.*\)\?", "deluge")
        typed.answer("Its URL", "127.0.0.1:1")
        typed.answer("Its password", own_deluge.password)
        typed.expect(r"\(unreachable\)")
        typed.answer("Its URL", own_deluge.url)
        typed.answer("Its password", "not this one")
        typed.expect(r"\(auth_failed\)")
        typed.answer("Its URL", "")
        typed.answer("Its password", own_deluge.password)
        typed.expect("deluge 2.* answers")
        typed.answer("Another download client", "n")
        typed.answer("The folder of your series", f"{media}/tv")
        typed.answer("The folder of your movies", f"{media}/films")
        typed.expect("is not there; is its disk mounted")
        typed.answer("Make it", "y")
        typed.answer("with the category 'tv'", "y")
        typed.answer("with the category 'movies'", "n")
        typed.answer("where is that here", f"{tmp_path}/nowhere")
        typed.answer("where is that here", f"{tmp_path}/elsewhere")
        typed.expect("will say:")
        typed.expect("password_file: ")
        typed.answer("Write this", "y")
        typed.expect(f"Marked {media}/films as movies")
        assert typed.ended() == 0, typed.said
    config = read(command.data / "sluice.yaml")
    secret = command.data / "secrets" / "client-deluge-password"
    assert config["clients"]["deluge"] == {
        "type": "deluge",
        "url": own_deluge.url,
        "password_file": "secrets/client-deluge-password",
        "paths": {str(own_deluge.download_dir): f"{tmp_path}/elsewhere"},
        "owners": {"tv": "sluice"},
    }
    assert config["libraries"]["movies"] == {"kind": "movies", "root": f"{media}/films", "link": "require"}
    assert secret.read_text() == f"{own_deluge.password}\n"
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    assert stat.S_IMODE(secret.parent.stat().st_mode) == 0o700
    assert own_deluge.password not in typed.said
    assert "not this one" not in typed.said
    assert load(command.data / "sluice.yaml", {}).clients["deluge"].password is not None


def test_a_password_of_an_earlier_run_is_kept(command: Cli, own_deluge: Deluge) -> None:
    """Its configuration was moved away, and it is the only copy: it is asked for, and without a yes nothing is
    written."""
    secret = command.data / "secrets" / "client-deluge-password"
    secret.parent.mkdir(parents=True)
    secret.write_text("of another daemon\n")
    for word, code, kept in (("n", 1, "of another daemon"), ("y", 0, own_deluge.password)):
        with Terminal([sys.executable, "-m", "sluice_cli.main", "init"], environ_of(command.data)) as typed:
            typed.answer("Which kind of download client", "deluge")
            typed.answer("Its URL", own_deluge.url)
            typed.answer("Its password", own_deluge.password)
            typed.answer("Another download client", "n")
            typed.answer("The folder of your series", "")
            typed.answer("The folder of your movies", "")
            typed.answer("Write this", "y")
            typed.answer("holds another password", word)
            assert typed.ended() == code, typed.said
        assert secret.read_text() == f"{kept}\n"
        assert (command.data / "sluice.yaml").exists() == (code == 0)
