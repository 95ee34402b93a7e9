"""The whole product as its user has it: `sluice up` in a process of its own, reached over HTTP only."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import asyncpg
import nats
import yaml
from typing_extensions import override

from sluice_common.contracts import codec, subjects
from sluice_common.contracts.events import Event
from sluice_common.kit.settings import NatsSettings
from sluice_embedded.nats import NatsServer
from support.api import Api
from support.launched import Started
from support.waiting import wait

__all__ = ["Product", "wait"]

START_SECONDS = 60.0


class Product(Started, Api):
    """`sluice up` on a data directory. A context manager: ready on entry, stopped on exit.

    `options` go to `sluice up`: each service in a process of its own, however small the machine, unless they say else;
    `before` are the words before its command.
    `pids(name)` finds a supervised process; `kill(name)` sends SIGKILL to it. `sql` asks its database directly.
    """

    def __init__(
        self,
        data: Path,
        config: Mapping[str, Any],
        options: Sequence[str] = ("--no-compact",),
        before: Sequence[str] = (),
    ) -> None:
        self.data = data
        self._options, self._before = tuple(options), tuple(before)
        self.port = _free_port()
        super().__init__(f"http://127.0.0.1:{self.port}")
        data.mkdir(parents=True, exist_ok=True)
        (data / "sluice.yaml").write_text(yaml.safe_dump(dict(config)))
        self._process: subprocess.Popen[bytes] | None = None
        self._heard = 0
        self.output = data.parent / f"{data.name}.up.log"

    @override
    def start(self) -> float:
        """Start and wait until it says that all of it is ready; the seconds that took."""
        started, self._heard = time.monotonic(), len(self.said())
        command = [
            *self._before,
            sys.executable,
            "-m",
            "sluice_cli.main",
            "up",
            "--data",
            str(self.data),
            "--port",
            str(self.port),
        ]
        command += self._options
        with self.output.open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        wait(self._is_ready, seconds=START_SECONDS, what=lambda: f"a ready Sluice; it said:\n{self.said()}")
        self.open((self.data / "api-key").read_text().strip())
        return time.monotonic() - started

    @override
    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """End it and wait; its exit code."""
        self.close()
        process, self._process = self._process, None
        if process is None:
            return 0
        if process.poll() is None:
            process.send_signal(how)
        try:
            return process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise AssertionError(f"sluice up did not stop; it said:\n{self.said()}") from None

    def said(self) -> str:
        """What it printed so far."""
        return self.output.read_text() if self.output.exists() else ""

    @override
    def logs(self) -> str:
        """The last lines of every child's log."""
        parts = []
        for path in sorted((self.data / "logs").glob("*.log")):
            parts.append(f"--- {path.name}\n" + "\n".join(path.read_text(errors="replace").splitlines()[-40:]))
        return "\n".join(parts)

    def _is_ready(self) -> bool:
        if self._process is None or self._process.poll() is not None:
            raise AssertionError(f"sluice up ended; it said:\n{self.said()}")
        return "Sluice is ready" in self.said()[self._heard :]

    # Processes.

    @property
    def pid(self) -> int:
        """Of `sluice up` itself."""
        assert self._process is not None, "not started"
        return self._process.pid

    def child(self, name: str) -> tuple[int, int] | None:
        """(pid, port) of a supervised child, `gateway`, `nats`, …, from what `up` wrote down; None while it is down."""
        try:
            child = json.loads((self.data / "run.json").read_text())["children"][name]
        except (FileNotFoundError, KeyError):
            return None
        return (child["pid"], child["port"]) if child["pid"] else None

    def pids(self, name: str) -> list[int]:
        """Process ids of a supervised child."""
        child = self.child(name)
        return [child[0]] if child else []

    def kill(self, name: str) -> bool:
        """SIGKILL; False when it was not running at this moment."""
        for pid in self.pids(name):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                return False
            return True
        return False

    # Behind its back.

    @property
    def nats(self) -> NatsSettings:
        """How to reach its NATS, from the data directory."""
        return NatsServer(self.data / "nats", self._port_of("nats"), self._secret("nats-password")).settings

    def events_on_the_bus(self) -> list[str]:
        """The sorted ids of all lifecycle events that its NATS holds."""
        return sorted(asyncio.run(self._events()))

    async def _events(self) -> list[str]:
        settings = self.nats
        assert settings.password is not None
        connection = await nats.connect(settings.url, user=settings.user, password=settings.password.get_secret_value())
        try:
            stream = connection.jetstream()
            subscription = await stream.pull_subscribe(subjects.ALL_EVENTS, stream=subjects.EVENTS)
            count = (await stream.stream_info(subjects.EVENTS)).state.messages
            ids: list[str] = []
            while len(ids) < count:
                ids += [codec.from_json(message.data, Event).id for message in await subscription.fetch(100, timeout=5)]
            return ids
        finally:
            await connection.close()

    def sql(self, statement: str, *arguments: object) -> list[dict[str, Any]]:
        """The rows of one statement on its database, as its owner."""
        return asyncio.run(self._sql(statement, arguments))

    async def _sql(self, statement: str, arguments: Sequence[object]) -> list[dict[str, Any]]:
        connection = await asyncpg.connect(
            host="127.0.0.1",
            port=self._port_of("postgres"),
            user="sluice",
            database="sluice",
            password=self._secret("postgres-password"),
            ssl=False,
            timeout=10,
        )
        try:
            return [dict(row) for row in await connection.fetch(statement, *arguments)]
        finally:
            await connection.close()

    def _port_of(self, server: str) -> int:
        port: int = json.loads((self.data / "ports.json").read_text())[server]
        return port

    def _secret(self, name: str) -> str:
        return (self.data / "secrets" / name).read_text().strip()


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port
