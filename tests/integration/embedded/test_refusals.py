"""What makes a start impossible is said clearly, with an exit code of its own, and nothing is left half-started."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from support.up import UpForTest

Make = Callable[..., UpForTest]
_WITHOUT_ROOTS_PRIVILEGE = ("setpriv", "--bounding-set", "-dac_override,-dac_read_search")


def _refused(up: UpForTest) -> tuple[int, str]:
    up.start()
    code = up.wait()
    assert up.processes() == []
    assert not (up.data / "run.json").exists()
    return code, up.output()


def test_a_port_in_use(make_up: Make) -> None:
    """The address is tried before anything is made."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        up = make_up(port=holder.getsockname()[1])
        code, output = _refused(up)
    assert code == 5
    assert f"Cannot listen on 127.0.0.1 port {up.port}: Address already in use" in output
    assert not (up.data / "postgres/data").exists()


def test_every_fault_of_the_configuration_at_once(make_up: Make, data: Path) -> None:
    """All faults are listed with the path of their key, and not a directory is made."""
    data.mkdir()
    (data / "sluice.yaml").write_text(
        "clients:\n  Big Box: {type: deluge, url: http://x}\n  box: {type: deluge, url: ftp://x, pasword: y}\n"
        "libraries:\n  tv: {kind: opera}\n"
    )
    code, output = _refused(make_up())
    assert code == 2
    for key in ("clients.Big Box", "clients.box.url", "clients.box.pasword", "libraries.tv.kind", "libraries.tv.root"):
        assert f"- {key}" in output
    assert [path.name for path in data.iterdir()] == ["sluice.yaml"]


def test_a_configuration_that_is_not_yaml(make_up: Make, data: Path) -> None:
    """Damage is told with the file and its line."""
    data.mkdir()
    (data / "sluice.yaml").write_bytes(b"clients:\n  - {box\n\x00")
    code, output = _refused(make_up())
    assert (code, str(data / "sluice.yaml") in output, "Traceback" in output) == (2, True, False)


def test_a_directory_that_cannot_be_written(make_up: Make, data: Path) -> None:
    """Somebody else's directory is refused by name, with what to do."""
    data.mkdir()
    data.chmod(0o500)
    before = _WITHOUT_ROOTS_PRIVILEGE if os.geteuid() == 0 else ()
    code, output = _refused(make_up(before=before))
    assert code == 4
    assert f"The data directory {data} cannot be used" in output
    assert "Permission denied" in output
    assert "--data DIR" in output
    assert list(data.iterdir()) == []


def test_a_file_in_the_place_of_the_directory(make_up: Make, data: Path) -> None:
    """A path that can never become a directory is refused, too."""
    data.write_text("a file")
    up = make_up()
    up.start()
    assert (up.wait(), "cannot be used" in up.output(), "Traceback" in up.output()) == (4, True, False)


def test_a_password_that_is_not_the_databases(make_up: Make, used_data: Path, data: Path) -> None:
    """A secret that was lost or mixed up: told with its file and what to do, instead of waiting for ever."""
    subprocess.run(["cp", "-a", used_data, data], check=True)
    (data / "secrets/postgres-password").write_text("another\n")
    code, output = _refused(make_up())
    assert code == 4
    assert "does not accept our password" in output
    assert "secrets/postgres-password" in output
    assert "put back the file" in output
    assert "another" not in output


def test_two_on_one_directory(running: UpForTest, make_up: Make) -> None:
    """The second is refused and names the first, which is not disturbed."""
    second = make_up()
    second.start()
    assert second.wait() == 3
    assert f"already runs on {running.data} (process {running.pid})" in second.output()
    assert (running.ended(), running.state()["pid"]) == (None, running.pid)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs PostgreSQL as somebody else")
def test_as_root_a_way_that_postgres_cannot_go_is_left_as_it_is(make_up: Make, data: Path) -> None:
    """No directory outside the data directory is changed; the one in the way is named."""
    data.parent.chmod(0o700)
    code, output = _refused(make_up())
    assert code == 4
    assert f"cannot pass through {data.parent}" in output
    assert data.parent.stat().st_mode & 0o777 == 0o700
