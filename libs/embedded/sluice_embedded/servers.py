"""NATS and PostgreSQL in a data directory: prepared there, and how each is run as a child. Nothing is started here."""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from sluice_common.kit.clock import Clock
from sluice_embedded import account, nats, orphans, postgres
from sluice_embedded.children import ChildSpec
from sluice_embedded.faults import ExitCode, StartRefused
from sluice_embedded.layout import Layout, persisted, persisted_port
from sluice_embedded.ports import LOOPBACK, bind_fault

DATABASE = "sluice"
_PATIENCE = 3.0
_SOON = 0.1
_SOON_CAP = 2.0


@dataclass(frozen=True)
class Servers:
    """Both servers of one data directory."""

    nats: nats.NatsServer
    postgres: postgres.PostgresServer


def password() -> str:
    """A random password without characters that any format wants quoted."""
    return secrets.token_hex(24)


def prepared(layout: Layout) -> bool:
    """Whether the database was made before."""
    return (layout.postgres / "data" / "PG_VERSION").exists()


async def prepare(layout: Layout, clock: Clock, ports: Iterator[int]) -> Servers:
    """Make all that both need: passwords, `ports` where none are kept, programs, the cluster. Raises StartRefused.

    The cluster is one of our major, or there is none yet: `majors` comes before.
    """
    await orphans.clear(layout.postgres / "data", clock)
    port = partial(_port, layout, ports.__next__)
    bus = nats.NatsServer(layout.nats, port("nats"), persisted(layout.secrets / "nats-password", password))
    nats.program()
    nats.write_config(bus)
    database = await asyncio.to_thread(_postgres, layout, port("postgres"))
    await postgres.initialise(database)
    return Servers(bus, database)


def _port(layout: Layout, choose: Callable[[], int], name: str) -> int:
    return persisted_port(layout.ports, name, lambda port: bind_fault(LOOPBACK, port) is None, choose)


def _postgres(layout: Layout, port: int) -> postgres.PostgresServer:
    return cluster(layout, layout.postgres / "data", port)


def cluster(layout: Layout, data: Path, port: int) -> postgres.PostgresServer:
    """A server of our major for the cluster `data`, as the user of the one in use. Raises StartRefused; blocking."""
    who = account.for_directory(layout.postgres / "data")
    _check_way(layout.postgres, who)
    programs = postgres.reachable_programs(postgres.wheel_programs(), layout.postgres / "programs", who)
    return postgres.PostgresServer(data, port, secret(layout), programs, who)


def older_cluster(layout: Layout, tree: Path, port: int) -> postgres.PostgresServer:
    """The cluster in use, with the wheel's older programs in `tree`, which are its own. Blocking."""
    data = layout.postgres / "data"
    major = postgres.major_of(data) or postgres.MAJOR
    who = account.for_directory(data)
    _check_way(layout.postgres, who)
    programs = postgres.reachable_programs(tree, older_programs(layout, major), who)
    return postgres.PostgresServer(data, port, secret(layout), programs, who, major)


def older_programs(layout: Layout, major: str) -> Path:
    """Where programs of another major are copied to, when their place in the wheel is out of reach."""
    return layout.postgres / f"programs-{major}"


def secret(layout: Layout) -> str:
    """The password of PostgreSQL's only user; made once."""
    return persisted(layout.secrets / "postgres-password", password)


def _check_way(directory: Path, who: account.Account | None) -> None:
    """PostgreSQL's uid must get to its directory; the way there is not ours to change."""
    if who is None or account.can_run(("test", "-x", str(directory)), who):
        return
    closed = account.first_closed(directory) or directory
    raise StartRefused(
        ExitCode.DATA_DIRECTORY,
        f"PostgreSQL cannot run as root, and its unprivileged user (uid {who.uid}) cannot pass through {closed}. "
        "Give a data directory elsewhere with --data DIR (like /var/lib/sluice), or run Sluice as a normal user.",
    )


def nats_spec(server: nats.NatsServer, layout: Layout) -> ChildSpec:
    """NATS as a child: started again at once."""
    return ChildSpec(
        name="nats",
        command=nats.command(server),
        environment={"PATH": os.environ.get("PATH", os.defpath)},
        log=layout.log("nats"),
        cwd=layout.nats,
        patience=_PATIENCE,
        restart_after=_SOON,
        restart_cap=_SOON_CAP,
    )


def postgres_spec(server: postgres.PostgresServer, layout: Layout, clock: Clock) -> ChildSpec:
    """PostgreSQL as a child: INT is its fast shutdown, QUIT its immediate one; orphans are gone before it starts."""
    return ChildSpec(
        name="postgres",
        command=postgres.command(server),
        environment=postgres.environment(server),
        log=layout.log("postgres"),
        cwd=layout.postgres,
        stop_signals=(signal.SIGINT, signal.SIGQUIT),
        patience=_PATIENCE,
        restart_after=_SOON,
        restart_cap=_SOON_CAP,
        before_start=partial(orphans.clear, server.data, clock),
    )
