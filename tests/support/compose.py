"""deploy/compose.yaml as its user runs it: a copy of deploy/, setup.sh, a sluice.yaml, up; reached over HTTP only."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from random import Random
from types import TracebackType
from typing import Any, Self

import yaml
from typing_extensions import override

from sluice_embedded.ports import free_ports
from support.api import Api
from support.docker import ROOT, docker, inspect

# An account that no image knows, as somebody's PUID usually is; whoever is not root can only be himself.
ACCOUNT = (12345, 12346) if os.geteuid() == 0 else (os.geteuid(), os.getegid())
UP_SECONDS = 240.0


def give(path: Path) -> None:
    """Make `path` and all below it the account's."""
    if os.geteuid() == 0:
        for each in (path, *path.rglob("*")):
            os.chown(each, *ACCOUNT)


class Stack(Api):
    """The composed stack under a project name and in a directory of its own. A context manager: up and down.

    `home` becomes the copy of deploy/, `data` is the user's data directory. `extra` is a further compose file,
    `environ` what interpolates it; `profiles` are switched on.
    """

    def __init__(
        self,
        home: Path,
        data: Path,
        tag: str,
        config: Mapping[str, Any],
        *,
        extra: Path,
        environ: Mapping[str, str],
        profiles: tuple[str, ...] = (),
    ) -> None:
        self.home, self.data, self.extra = home, data, extra
        self.project = f"sluice-test-{secrets.token_hex(4)}"
        port, self.prometheus_port = islice(free_ports(Random()), 2)
        super().__init__(f"http://127.0.0.1:{port}")
        self._environ = {
            **environ,
            "SLUICE_TAG": tag,
            "PORT": str(port),
            "PROMETHEUS_PORT": str(self.prometheus_port),
            # Whichever this machine has: the rules and queries have to hold for more than the one we name.
            "PROMETHEUS_VERSION": "latest",
            "COMPOSE_PROFILES": ",".join(profiles),
        }
        ours = shutil.ignore_patterns(".env", "secrets", "state", "sluice.yaml", ".gitignore")
        shutil.copytree(ROOT / "deploy", home, ignore=ours)
        set_up(home, data, UMASK="002", TZ="Asia/Kathmandu")
        (home / "sluice.yaml").write_text(yaml.safe_dump(dict(config)))

    def secret(self, name: str, value: str) -> None:
        """Put a client's password where sluice.yaml's `password_file` finds it."""
        path = self.home / "secrets" / "clients" / name
        path.touch(mode=0o600)
        path.write_text(f"{value}\n")
        give(path)

    def __enter__(self) -> Self:
        try:
            self.up()
        except BaseException as error:
            error.add_note(self.logs())
            self.down()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            error.add_note(self.logs())
        self.close()
        self.down()

    def up(self, *words: str) -> None:
        """Start what is not running, wait until every health check is content, and ask with the first API key."""
        self.compose("up", "--detach", "--wait", "--no-build", *words, seconds=UP_SECONDS)
        self.open((self.home / "state" / "gateway" / "api-key").read_text().strip())

    def down(self) -> None:
        """End and remove everything of it, volumes too; the directory stays."""
        self.compose("--profile", "*", "down", "--volumes", "--remove-orphans", "--timeout", "15")

    def compose(self, *words: str, seconds: float = 120) -> str:
        """The output of `docker compose …` in its directory."""
        files = ("--file", self.home / "compose.yaml", "--file", self.extra)
        place = ("--project-name", self.project, "--project-directory", self.home)
        return docker("compose", *place, *files, *words, environ=self._environ, cwd=self.home, seconds=seconds)

    def inside(self, service: str, *command: str) -> str:
        """What a command in a service's container prints."""
        return self.compose("exec", "-T", service, *command)

    def sluice(self, *words: str) -> Any:
        """The JSON of a `sluice` verb, run inside the gateway's container as docs/deployment.md says."""
        return json.loads(self.inside("gateway", "sluice", *words, "--json"))

    def container(self, service: str) -> Any:
        """What Docker knows about a service's container."""
        return inspect("container", self.compose("ps", "--all", "--quiet", service).strip())

    def address(self) -> str:
        """Our own address on the network in which the download clients are."""
        address: str = inspect("network", f"{self.project}_default")["IPAM"]["Config"][0]["Gateway"]
        return address

    @override
    def logs(self) -> str:
        """The last lines of every container, and their states."""
        return self.compose("ps", "--all") + self.compose("logs", "--no-color", "--tail", "60")


def set_up(home: Path, data: Path, **environ: str) -> str:
    """Run the setup.sh in `home` as a user would; what it said."""
    account = {"PUID": str(ACCOUNT[0]), "PGID": str(ACCOUNT[1])} if os.geteuid() == 0 else {}
    done = subprocess.run(
        ["./setup.sh", data], cwd=home, env={**os.environ, **account, **environ},
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
