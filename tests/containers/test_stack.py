"""The composed stack with a real client in a container: a download through it, and how it is locked down."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import httpx
import pytest

from containers.conftest import CLIENT, imported
from support.compose import ACCOUNT, Stack
from support.product import wait

SERVICES = ("gateway", "client-poller", "importer", "history")


def test_a_download_ends_in_the_library(stack: Stack, data: Path, filed: dict[str, Any]) -> None:
    """From a magnet to a hardlink in the library, every service in a container of its own, the client in another."""
    target = data / "media/tv/Some Show/Season 01/Some Show - S01E02.mkv"
    source = data / "torrents" / filed["name"]
    assert target.exists(), sorted(str(path) for path in data.rglob("*"))
    assert target.stat().st_ino == source.stat().st_ino, "the same inode, as was promised"
    types = [entry["type"] for entry in stack.history(CLIENT, filed["id"])]
    told = iter(types)
    assert all(kind in told for kind in ("download.added", "download.completed", "import.completed")), types


def test_what_is_made_belongs_to_the_user(data: Path, filed: dict[str, Any]) -> None:
    """PUID and PGID own what was made in the library, and UMASK 002 lets the group write there."""
    for folder in (data / "media/tv/Some Show", data / "media/tv/Some Show/Season 01"):
        made = folder.stat()
        assert (made.st_uid, made.st_gid) == ACCOUNT
        assert stat.S_IMODE(made.st_mode) & 0o777 == 0o775


def test_the_command_runs_in_the_gateways_container(stack: Stack, filed: dict[str, Any]) -> None:
    """`docker compose exec gateway sluice …` needs neither address nor key, and shows times in the user's zone."""
    assert [row["name"] for row in stack.sluice("queue")["items"]] == [filed["name"]]
    shown = stack.inside("gateway", "python3", "-c", "import time; print(time.strftime('%z'))")
    assert shown.strip() == "+0545"


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_is_locked_down(stack: Stack, service: str) -> None:
    """Not root, a root that cannot be written, no capability, no way to gain one."""
    host = stack.container(service)["HostConfig"]
    assert host["ReadonlyRootfs"] is True
    assert host["CapDrop"] == ["ALL"]
    assert not host["CapAdd"]
    assert not host["Privileged"]
    assert "no-new-privileges:true" in host["SecurityOpt"]
    process = stack.inside(
        service, "sh", "-c", "id -u; id -g; cat /proc/1/status; touch /opt/sluice/x /etc/x 2>&1 || true"
    )
    assert process.split()[:2] == [str(each) for each in ACCOUNT]
    assert "CapEff:\t0000000000000000" in process
    assert "NoNewPrivs:\t1" in process
    assert process.count("Read-only file system") == 2


def test_secrets_are_files_and_nothing_else(stack: Stack) -> None:
    """No password is in what Docker knows about any container, in a command line or in a log."""
    words = {path.name: path.read_text().strip() for path in (stack.home / "secrets").rglob("*") if path.is_file()}
    assert set(words) == {"nats-password", "postgres-password", "grafana-password", CLIENT}
    assert len(set(words.values())) == len(words)
    places = {name: str(stack.container(name)) for name in (*SERVICES, "nats", "postgres")}
    places |= {"processes": stack.compose("top"), "logs": stack.compose("logs", "--no-color")}
    found = [(secret, place) for secret, word in words.items() for place, text in places.items() if word in text]
    assert found == []


def test_only_the_gateway_is_open(stack: Stack) -> None:
    """The bus and the database have no port outside and sit on a network without a way out; the API wants its key."""
    for service in ("nats", "postgres", "client-poller", "importer", "history"):
        container = stack.container(service)
        assert not [bound for bound in container["NetworkSettings"]["Ports"].values() if bound], service
    ports = stack.container("gateway")["NetworkSettings"]["Ports"]
    assert [bound[0]["HostIp"] for bound in ports.values() if bound] == ["127.0.0.1"]
    assert set(stack.container("postgres")["NetworkSettings"]["Networks"]) == {f"{stack.project}_bus"}
    assert stack.compose("config").count("internal: true") == 1
    for path in ("/api/v1/queue", "/metrics"):
        assert httpx.get(f"{stack.url}{path}", trust_env=False).status_code == 401


def test_everything_survives_down_and_up(stack: Stack, data: Path, filed: dict[str, Any]) -> None:
    """Containers are nothing but processes: made anew, they know the key, the queue, the import and its history."""
    before = stack.history(CLIENT, filed["id"])
    key = (stack.home / "state/gateway/api-key").read_text()
    stack.compose("down", "--timeout", "15")
    stack.up()
    assert (stack.home / "state/gateway/api-key").read_text() == key
    row = wait(lambda: imported(stack, filed["id"]), seconds=60, what=stack.logs)
    assert row["epoch"] == filed["epoch"]
    after = stack.history(CLIENT, filed["id"])
    assert [entry["id"] for entry in after[: len(before)]] == [entry["id"] for entry in before]
    assert [entry["type"] for entry in after].count("import.completed") == 1
