"""What the launchers of real clients share: a program of its own process, started, waited for, frozen and ended."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from support import client_root
from support.clients import ClientMissing
from support.processes import end
from support.waiting import wait

START_SECONDS = 40.0  # of an idle machine


def installed(program: str, package: str) -> tuple[str, ...]:
    """What starts a program of this machine; ClientMissing with its Debian package where it is not there.

    Where `SLUICE_CLIENTS_ROOT` names a folder with newer clients, it is that folder's program.
    """
    root = client_root.folder()
    if root is not None:
        return client_root.command(root, program)
    path = shutil.which(program)
    if path is None:
        raise ClientMissing(program, package)
    return (path,)


def version_of(command: Sequence[str], environment: Mapping[str, str]) -> str:
    """What `--version` of a program says in its first line: the version alone, without name, `v` and revision."""
    said = subprocess.run([*command, "--version"], capture_output=True, text=True, check=True, env=environment)
    found = re.search(r" v?(\d+\.\d\S*)", said.stdout or said.stderr)
    assert found is not None, said
    return found[1]


class Started:
    """A context manager: started on entry, and stopped on exit or when the start fails."""

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> object:
        """Start what does not run, and wait until it answers."""
        raise NotImplementedError

    def stop(self) -> object:
        """End it, however it is."""
        raise NotImplementedError


class Program:
    """One program; what it says goes to the end of the file `log`. It does not outlive the tests."""

    def __init__(self, name: str, log: Path) -> None:
        self.name = name
        self.log = log
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def running(self) -> subprocess.Popen[bytes]:
        """Its process."""
        assert self._process is not None, f"{self.name} does not run"
        return self._process

    def start(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        """Start it unless it runs."""
        if self._process is not None:
            return
        setpriv = ["setpriv", "--pdeathsig", "KILL"] if shutil.which("setpriv") else []
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [*setpriv, *command],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment, start_new_session=True,
            )  # fmt: skip

    def await_ready(self, answers: Callable[[], bool], said: Callable[[], str]) -> None:
        """Wait until it answers; an AssertionError with what it `said` when it ends, or never does."""

        def ready() -> bool:
            assert self.running.poll() is None, f"{self.name} ended\n{said()}"
            return answers()

        wait(ready, seconds=START_SECONDS, what=lambda: f"{self.name} answers\n{said()}", every=0.02)

    def freeze(self) -> None:
        """Let it hang: connections are taken, nothing answers. Returns once it stands."""
        self.running.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self.running.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)

    def thaw(self) -> None:
        """Undo `freeze`."""
        self.running.send_signal(signal.SIGCONT)

    def end(self, *, kill: bool = False, within: float = 10.0) -> None:
        """Ask it to end, frozen or not, and insist after so many seconds; with `kill` SIGKILL at once."""
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(signal.SIGCONT)
            end(process, kill=kill, within=within)


class OneProgram(Started):
    """A launcher of a client that is one program."""

    def __init__(self, program: Program) -> None:
        self._program = program

    def kill(self) -> None:
        """SIGKILL, as a power cut would."""
        self._program.end(kill=True)

    def freeze(self) -> None:
        """Let it hang: connections are taken, nothing answers."""
        self._program.freeze()

    def thaw(self) -> None:
        """Undo `freeze`."""
        self._program.thaw()
