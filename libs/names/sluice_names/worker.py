"""guessit in a process that can be killed: the one door out of this pure room, and nothing inside it uses it.

The process is started when first asked, and again after it had to be killed. Blocking; not for an event loop.
"""

from __future__ import annotations

import os
import select
import subprocess
import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

import msgspec

from sluice_names.guess import READY, fill, is_open
from sluice_names.release import Release
from sluice_names.text import cut

DEADLINE = 2.0
_START = 20.0
_MOST_KILLS = 5
_CHUNK = 65536
_COMMAND = (sys.executable, "-m", "sluice_names.guess")


class Guesser:
    """Asks guessit, and waits `deadline` seconds for a name. Names on which it was killed five times over stay open.

    Use it as a context: its process ends with it.
    """

    def __init__(
        self,
        deadline: float = DEADLINE,
        monotonic: Callable[[], float] = time.monotonic,
        command: tuple[str, ...] = _COMMAND,
    ) -> None:
        self._deadline, self._monotonic, self._command = deadline, monotonic, command
        self._process: subprocess.Popen[bytes] | None = None
        self.kills = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def complete(self, name: str, release: Release) -> Release:
        """`release`, which our own rules made of `name`, with its open fields from guessit.

        It stays as it was where no field is open, or where guessit takes too long.
        """
        if not is_open(release) or self.kills >= _MOST_KILLS:
            return release
        process = self._process or self._started()
        guessed = self._asked(process, cut(name)) if process is not None else None
        if guessed is None:
            self.kills += 1
            self.close()
            return release
        return fill(release, guessed)

    def close(self) -> None:
        """End the process, whatever it does."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.communicate()

    def _started(self) -> subprocess.Popen[bytes] | None:
        self._process = subprocess.Popen(  # noqa: S603 - our own module
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        return self._process if self._line(self._process, _START) == READY else None

    def _asked(self, process: subprocess.Popen[bytes], name: str) -> Release | None:
        assert process.stdin is not None
        try:
            process.stdin.write(msgspec.json.encode(name) + b"\n")
            process.stdin.flush()
        except BrokenPipeError:
            return None
        line = self._line(process, self._deadline)
        return msgspec.json.decode(line, type=Release) if line.endswith(b"\n") else None

    def _line(self, process: subprocess.Popen[bytes], seconds: float) -> bytes:
        """What it writes until the end of a line, or until the time is up or it ends."""
        assert process.stdout is not None
        until, line = self._monotonic() + seconds, b""
        while not line.endswith(b"\n") and (left := until - self._monotonic()) > 0:
            if not select.select([process.stdout], [], [], left)[0]:
                break
            more = os.read(process.stdout.fileno(), _CHUNK)
            if not more:
                break
            line += more
        return line
