"""What runs keeps running, what ends leaves nothing behind. Real NATS and PostgreSQL, small programs as services."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from sluice_embedded import nats, postgres
from sluice_embedded.layout import Layout
from sluice_embedded.readiness import is_ready
from support.processes import background, until
from support.up import UpForTest

Make = Callable[..., UpForTest]
CHILDREN = {"nats", "postgres", "api", "plain"}


def _answers(up: UpForTest, name: str) -> bool:
    """Whether the child does its work, not only whether it exists."""
    port = up.state()["children"][name]["port"]
    layout = Layout(up.data)
    if name == "nats":
        return background(nats.ready(nats.NatsServer(layout.nats, port, "")))
    if name == "postgres":
        secret = (layout.secrets / "postgres-password").read_text().strip()
        server = postgres.PostgresServer(layout.postgres / "data", port, secret, Path("/"))
        return background(postgres.ready(server))
    return background(is_ready("127.0.0.1", port))


def test_a_start_says_where_everything_is_and_keeps_it_private(running: UpForTest) -> None:
    """The banner names URL, key, data, configuration, logs and the next step; what runs is in a private run file."""
    layout = Layout(running.data)
    for told in (f"http://127.0.0.1:{running.port}", layout.api_key, layout.config, layout.logs, "sluice queue"):
        assert str(told) in running.output()
    state = running.state()
    assert (state["pid"], state["url"], set(state["children"])) == (
        running.pid, f"http://127.0.0.1:{running.port}", CHILDREN,
    )  # fmt: skip
    private = [
        layout.run_file,
        layout.ports,
        *layout.secrets.iterdir(),
        layout.nats / "nats.conf",
        *layout.logs.iterdir(),
    ]
    assert len(private) >= 8
    assert {path.stat().st_mode & 0o777 for path in private} == {0o600}
    assert {path.stat().st_mode & 0o777 for path in (layout.secrets, layout.nats, layout.logs)} == {0o700}


def test_postgres_never_runs_as_root(running: UpForTest) -> None:
    """As root, PostgreSQL has a uid of its own, which owns its data and nothing else."""
    owner = (running.data / "postgres/data").stat().st_uid
    runner = Path(f"/proc/{running.child('postgres')}").stat().st_uid
    assert runner == owner
    assert runner != 0
    others = [path for path in running.data.rglob("*") if not path.is_relative_to(running.data / "postgres/data")]
    assert {path.stat().st_uid for path in others} == {os.geteuid()}


@pytest.mark.parametrize("name", sorted(CHILDREN))
def test_a_killed_child_comes_back(running: UpForTest, name: str) -> None:
    """SIGKILL of any child is survived: another of it runs and answers."""
    before = running.child(name)
    os.kill(before, signal.SIGKILL)
    until(lambda: running.child(name) not in (before, None), f"{name} is started again")
    until(lambda: _answers(running, name), f"{name} answers")
    assert f"{name} was ended by SIGKILL" in running.output()


def test_ctrl_c_stops_everything_and_the_next_start_is_warm(running: UpForTest, make_up: Make) -> None:
    """Ctrl-C ends all in under 10 s with exit code 0 and nothing left; the next start takes under 5 s, same secrets."""
    ours = running.processes()
    assert len(ours) > len(CHILDREN)
    secrets = {path.name: path.read_text() for path in (running.data / "secrets").iterdir()}
    assert running.stop() < 10
    assert (running.ended(), running.processes(), (running.data / "run.json").exists()) == (0, [], False)
    again = make_up()
    again.start()
    assert again.ready() < 5
    assert {path.name: path.read_text() for path in (running.data / "secrets").iterdir()} == secrets


def test_sigterm_stops_a_stubborn_service_too(make_up: Make) -> None:
    """A service that ignores SIGTERM does not keep `up` from ending within 10 s."""
    up = make_up("api,stubborn")
    up.start()
    up.ready()
    up.signal(signal.SIGTERM)
    assert up.wait(10) == 0
    assert up.processes() == []


def test_sigkill_of_up_leaves_no_child_and_the_next_start_copes(running: UpForTest, make_up: Make) -> None:
    """A killed `up` takes its children along, and the data directory is usable at once."""
    running.signal(signal.SIGKILL)
    running.wait()
    again = make_up(port=running.port)
    again.start()
    again.ready()
    assert again.child("postgres") != 0
    again.stop()
    until(lambda: not running.processes(), "every child is gone", within=5)


def test_sigkill_of_up_alone_ends_every_child(running: UpForTest) -> None:
    """Nobody has to clean up after a killed `up`."""
    assert len(running.processes()) > len(CHILDREN)
    running.signal(signal.SIGKILL)
    running.wait()
    until(lambda: not running.processes(), "every child is gone", within=5)


def test_ctrl_c_during_the_first_start_leaves_nothing(make_up: Make) -> None:
    """Stopped while the database is being made: exit code 0, no process, and the next start works."""
    up = make_up()
    up.start()
    until(lambda: (up.data / "postgres/data.new").exists(), "the database is being made")
    assert up.stop() < 10
    assert (up.ended(), up.processes()) == (0, [])
    again = make_up()
    again.start()
    again.ready()


def test_a_crashing_service_is_shown_and_tried_again(make_up: Make) -> None:
    """A service that fails shows its last lines on the terminal, and is started again and again; the rest runs."""
    up = make_up("api,crash")
    up.start()
    until(lambda: up.output().count("crash ended with exit code 1") >= 3, "three attempts")
    assert "cannot go on: the reason" in up.output()
    assert _answers(up, "api")
    assert up.stop() < 10


def test_a_service_that_refuses_its_settings_stops_everything(make_up: Make) -> None:
    """Exit code 2 of a service is a settings fault: its words, nothing left running, exit code 2."""
    up = make_up("api,settings")
    up.start()
    assert up.wait() == 2
    assert "settings refuses its settings" in up.output()
    assert "libraries.tv.root: no such directory" in up.output()
    assert up.processes() == []
