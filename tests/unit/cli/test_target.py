"""Which gateway and which key: options beat the environment, which beats what `sluice up` wrote."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sluice_cli.failure import Failure, Unreachable, WrongUsage
from sluice_cli.target import Given, Target, find

HERE = "http://127.0.0.1:8420"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data directory in which `sluice up` runs."""
    (tmp_path / "api-key").write_text("noted-key\n")
    (tmp_path / "run.json").write_text(json.dumps({"url": HERE, "api_key_path": str(tmp_path / "api-key")}))
    return tmp_path


def given(data: Path, url: str | None = None, key_file: Path | None = None, **environ: str) -> Given:
    return Given(url, key_file, {"SLUICE_DATA": str(data), **environ}, root=False)


def test_what_runs_here_is_found(data: Path) -> None:
    """Nothing needs to be said where `sluice up` runs."""
    assert find(given(data)) == Target(HERE, "noted-key")


def test_the_default_directory() -> None:
    """As for `sluice up`: below the home, as root below /var/lib."""
    assert Given(None, None, {"HOME": "/h"}, root=False).data == Path("/h/.local/share/sluice")
    assert Given(None, None, {"HOME": "/root"}, root=True).data == Path("/var/lib/sluice")
    elsewhere = Given(None, None, {"HOME": "/h", "SLUICE_DATA": "/srv"}, root=False)
    assert (elsewhere.data, elsewhere.usual_data) == (Path("/srv"), Path("/h/.local/share/sluice"))


def test_options_beat_the_environment(data: Path) -> None:
    """--url and --key-file before SLUICE_URL and SLUICE_API_KEY before the run file."""
    (data / "mine").write_text("file-key")
    environ: dict[str, Any] = {"SLUICE_URL": "http://there:1/", "SLUICE_API_KEY": "env-key"}
    assert find(given(data, **environ)) == Target("http://there:1", "env-key")
    assert find(given(data, "http://other:2", data / "mine", **environ)) == Target("http://other:2", "file-key")


def test_the_noted_key_goes_nowhere_else(data: Path) -> None:
    """The key of the Sluice that runs here is not sent to another address."""
    assert find(given(data, "http://evil.example")) == Target("http://evil.example", "")
    assert find(given(data, HERE + "/")).key == "noted-key"


def test_nothing_runs(tmp_path: Path) -> None:
    """The message says how to start it, where it was looked for and what names another place; the code is 3."""
    with pytest.raises(Unreachable, match="sluice up") as told:
        find(given(tmp_path))
    assert f"the data directory is {tmp_path}, SLUICE_DATA names another" in str(told.value)


@pytest.mark.parametrize("url", ["127.0.0.1:8420", "ftp://x", "http://", "http://x:notaport", "http://[::1"])
def test_a_wrong_url_is_wrong_usage(tmp_path: Path, url: str) -> None:
    """It says what a URL looks like, the code is 2."""
    with pytest.raises(WrongUsage, match="http://127"):
        find(given(tmp_path, url))


@pytest.mark.parametrize("content", ["", "two\nlines", "ünicode", "\x00"])
def test_a_file_that_holds_no_key(data: Path, content: str) -> None:
    """It is told by its path, never sent as a header."""
    (data / "api-key").write_text(content)
    with pytest.raises(Failure, match="api-key"):
        find(given(data))


def test_a_damaged_run_file(data: Path) -> None:
    """A half-written file is a sentence, not a traceback."""
    (data / "run.json").write_text('{"url": ')
    with pytest.raises(Failure, match=r"run\.json"):
        find(given(data))
