"""A real PostgreSQL for a test session, embedded unless said otherwise; a database for each test."""

from __future__ import annotations

import shutil
import signal
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from pathlib import Path
from random import Random

import asyncpg
from typing_extensions import override

from sluice_common.kit.settings import PostgresSettings
from sluice_embedded import account, postgres
from sluice_embedded.ports import free_ports
from support.processes import background, end, until

FAST = ("-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off", "-c", "max_connections=100")
_ATTEMPTS = 5
_AGAIN = 100
_AGAIN_PAUSE = 0.2  # seconds


class PostgresCluster(ABC):
    """A running PostgreSQL, wherever it runs: databases come and go, statements are run as its owner."""

    @abstractmethod
    def settings(self, database: str) -> PostgresSettings:
        """How to reach one of its databases."""

    @abstractmethod
    def start(self) -> None:
        """Start it; returns once it takes connections."""

    @abstractmethod
    def remove(self) -> None:
        """Stop it and delete all it has."""

    def create(self, database: str, template: str = "template0") -> None:
        """Make a database as a copy of `template`, which nobody may be connected to."""
        self.execute(f'CREATE DATABASE "{database}" TEMPLATE "{template}" STRATEGY file_copy')

    def drop(self, database: str) -> None:
        """Delete it, ending whatever is still connected."""
        self.execute(f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)')

    def execute(self, statement: str, database: str = "postgres") -> None:
        """One statement as the cluster's owner, in a loop of its own."""
        background(self._execute(statement, database))

    async def _execute(self, statement: str, database: str) -> None:
        to = self.settings(database)
        assert to.password is not None
        connection = await asyncpg.connect(to.dsn, password=to.password.get_secret_value(), timeout=10, ssl=False)
        try:
            await connection.execute(statement)
        finally:
            await connection.close(timeout=5)


class PostgresForTest(PostgresCluster):
    """One cluster in a directory of its own, which other uids may pass through: PostgreSQL refuses to run as root."""

    def __init__(self) -> None:
        self._home = Path(tempfile.mkdtemp(prefix="sluice-test-pg-"))
        self._home.chmod(0o711)
        who = account.for_directory(self._home / "data")
        programs = postgres.reachable_programs(postgres.wheel_programs(), self._home / "programs", who)
        self._ports = free_ports(Random())
        self._server = postgres.PostgresServer(self._home / "data", next(self._ports), "only-for-tests", programs, who)
        self._process: subprocess.Popen[bytes] | None = None
        self._has_run = False
        background(postgres.initialise(self._server, "--no-sync", "--no-data-checksums"))

    @override
    def settings(self, database: str) -> PostgresSettings:
        return self._server.settings(database)

    @property
    def pid(self) -> int:
        """The postmaster's process id."""
        assert self._process is not None, "the server is not running"
        return self._process.pid

    @override
    def start(self) -> None:
        """Start it, the first time on another port where somebody was faster; returns once it takes connections."""
        if self._has_run:
            self._start_again()
            return
        for _ in range(_ATTEMPTS):
            if self._try_start():
                self._has_run = True
                return
            old = self._server
            self._server = postgres.PostgresServer(old.data, next(self._ports), old.password, old.programs, old.account)
        raise RuntimeError(f"PostgreSQL does not start:\n{self._log.read_text()[-2000:]}")

    def _start_again(self) -> None:
        """Where it was: pools know its port. Backends of a killed server hold its memory until they notice."""
        for _ in range(_AGAIN):
            if self._try_start():
                return
            time.sleep(_AGAIN_PAUSE)
        raise RuntimeError(f"PostgreSQL does not start:\n{self._log.read_text()[-2000:]}")

    def _try_start(self) -> bool:
        with self._log.open("ab") as log:
            process = subprocess.Popen(
                postgres.command(self._server, *FAST), stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                start_new_session=True, env=postgres.environment(self._server), cwd=self._home,
            )  # fmt: skip
        until(lambda: background(postgres.ready(self._server)) or process.poll() is not None, "PostgreSQL answers")
        self._process = process if process.poll() is None else None
        return self._process is not None

    def kill(self) -> None:
        """End it with SIGKILL, as a power cut would; `start` brings it back."""
        end(self._process, kill=True)
        self._process = None

    @override
    def remove(self) -> None:
        """Stop it and delete its directory."""
        end(self._process, sign=signal.SIGINT)
        self._process = None
        shutil.rmtree(self._home)

    @property
    def _log(self) -> Path:
        return self._home / "postgres.log"
