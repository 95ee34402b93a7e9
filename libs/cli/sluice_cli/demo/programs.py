"""What the demo runs: the swarm, a Deluge and Sluice, as children that end with it. What they do is not known here."""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from random import SystemRandom
from typing import Any

import msgspec

import sluice_embedded
from sluice_cli.demo.home import Home
from sluice_cli.failure import Failure
from sluice_embedded.account import setpriv
from sluice_embedded.children import ChildSpec
from sluice_embedded.layout import Layout, write_private
from sluice_embedded.ports import free_ports
from sluice_embedded.sandbox import SEEDED, WANTED
from sluice_embedded.sandbox.deluge import DAEMON, WEB, DelugeSandbox

SLUICE, SWARM = "sluice", "swarm"
CLIENT = "deluge"
CATEGORIES = ("tv", "movies")
_SEEDER = "sluice_embedded.sandbox.seeder"


@dataclass(frozen=True)
class Household:
    """Everything that is decided before anything runs."""

    home: Home
    deluge: DelugeSandbox
    port: int

    @property
    def layout(self) -> Layout:
        """Sluice's data directory."""
        return Layout(self.home.data)

    @property
    def seeded(self) -> Path:
        """What the swarm writes once it seeds."""
        return self.home.swarm / SEEDED


def prepare(home: Home, environment: Path, wanted: list[dict[str, Any]]) -> Household:
    """Passwords, ports and configuration files; `wanted` is what the seeder makes. Raises Failure without a Deluge."""
    programs = environment.absolute() / "bin"
    missing = next((name for name in ("python", DAEMON, WEB) if not (programs / name).exists()), None)
    if missing is not None:
        raise Failure(f"{programs / missing} is missing; `make demo` installs a Deluge into .venv-deluge first")
    ports = free_ports(SystemRandom())
    password, other = secrets.token_urlsafe(24), secrets.token_urlsafe(24)
    deluge = DelugeSandbox(programs, home.deluge, password, other, next(ports), next(ports), next(ports))
    deluge.write_config()
    (home.swarm / WANTED).write_bytes(msgspec.json.encode(wanted))
    household = Household(home, deluge, next(ports))
    key = home.top / "deluge-password"
    write_private(key, password + "\n")
    write_private(household.layout.config, _configuration(household, key))
    return household


def _configuration(household: Household, password: Path) -> str:
    """What a user would write into sluice.yaml; JSON is YAML. Only here titles are made from release names alone."""
    libraries = {
        name: {"kind": kind, "root": str(household.home.media / name), "link": "require", "unknown": "create"}
        for name, kind in zip(CATEGORIES, ("series", "movies"), strict=True)
    }
    client = {
        "type": "deluge",
        "url": household.deluge.url,
        "password_file": str(password),
        "owners": dict.fromkeys(CATEGORIES, "sluice"),
    }
    config = {"clients": {CLIENT: client}, "libraries": libraries}
    return msgspec.json.format(msgspec.json.encode(config)).decode() + "\n"


def specs(household: Household, environ: Mapping[str, str]) -> list[ChildSpec]:
    """The children, each of which must run to the end. What the user set for another Sluice is not for this one."""
    ours = {name: value for name, value in environ.items() if not name.startswith("SLUICE_")}
    deluge = household.deluge
    seeder = (str(deluge.programs / "python"), "-m", _SEEDER, str(household.home.swarm))
    data, port = str(household.home.data), str(household.port)
    sluice = (sys.executable, "-m", "sluice_cli.main", "up", "--data", data, "--listen", "127.0.0.1", "--port", port)
    return [
        _spec(household.home, SWARM, seeder, {**ours, "PYTHONPATH": _our_sources()}),
        _spec(household.home, DAEMON, deluge.command(DAEMON), deluge.environment),
        _spec(household.home, WEB, deluge.command(WEB), deluge.environment),
        _spec(household.home, SLUICE, sluice, ours, patience=8.0),
    ]


def _spec(
    home: Home, name: str, command: tuple[str, ...], environ: Mapping[str, str], patience: float = 3.0
) -> ChildSpec:
    return ChildSpec(
        name=name,
        command=(*setpriv("KILL"), *command),
        environment=environ,
        log=home.logs / f"{name}.log",
        cwd=home.top,
        patience=patience,
        once=True,
    )


def _our_sources() -> str:
    """Where another interpreter finds `sluice_embedded`: in a checkout it is alone there, with no package of ours."""
    return os.fspath(Path(sluice_embedded.__file__).parents[1])
