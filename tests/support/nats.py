"""A real NATS server for one test, made by the product's own code. It may be killed, wiped and started again."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from random import Random

from sluice_common.kit.settings import NatsSettings
from sluice_embedded import nats
from sluice_embedded.ports import free_ports
from support.processes import background, end, until

_ATTEMPTS = 5


class NatsForTest:
    """One nats-server with JetStream (`sync_interval: always`) in `directory`, on one port for its whole life.

    It wants the user and password of `settings`, as in the product; `credentials` has them for `nats.connect`.
    """

    def __init__(self, directory: Path) -> None:
        self._ports = free_ports(Random())
        self._server = nats.NatsServer(directory, next(self._ports), "only-for-tests")
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """`nats://127.0.0.1:PORT`, without credentials."""
        return self.settings.url

    @property
    def credentials(self) -> dict[str, str]:
        """Keyword arguments for `nats.connect`: user and password."""
        return {"user": nats.USER, "password": self._server.password}

    @property
    def settings(self) -> NatsSettings:
        return self._server.settings

    @property
    def store_dir(self) -> Path:
        """JetStream's directory; `wipe()` empties it."""
        return self._server.store

    @property
    def pid(self) -> int:
        """The running server's process id."""
        assert self._process is not None, "the server is not running"
        return self._process.pid

    def start(self) -> None:
        """Start on the same port with the same store; returns once JetStream answers."""
        assert self._process is None, "the server is running"
        nats.write_config(self._server)
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(nats.command(self._server), stdout=log, stderr=log, start_new_session=True)
        process = self._process
        until(lambda: background(nats.ready(self._server)) or process.poll() is not None, "NATS answers")
        if process.poll() is not None:
            self._process = None
            raise RuntimeError(f"nats-server ended at once:\n{self._log.read_text()[-2000:]}")

    def start_somewhere(self) -> None:
        """The first start: takes another port where somebody was faster."""
        for _ in range(_ATTEMPTS):
            try:
                return self.start()
            except RuntimeError as error:
                if "address already in use" not in str(error):
                    raise
                self._server = nats.NatsServer(self._server.directory, next(self._ports), self._server.password)
        raise RuntimeError("no free port for NATS")

    def stop(self) -> None:
        """End it in order (SIGTERM); nothing when it is not running."""
        end(self._process)
        self._process = None

    def kill(self) -> None:
        """SIGKILL, as a crash would."""
        end(self._process, kill=True)
        self._process = None

    def wipe(self) -> None:
        """Delete JetStream's directory: every stream and bucket is lost. The server must not be running."""
        assert self._process is None, "stop or kill the server before its store is wiped"
        shutil.rmtree(self.store_dir, ignore_errors=True)

    @property
    def _log(self) -> Path:
        return self._server.directory / "nats.log"
