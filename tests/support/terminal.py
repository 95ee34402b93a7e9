"""A person at a terminal: reads what a command asks, and types."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Self

PATIENCE = 60.0


class Terminal:
    """A command on a pseudo-terminal. A context manager: started on entry, ended on exit.

    `said` is everything that it wrote so far; `expect` waits for words that came after the last ones expected.
    """

    def __init__(self, command: Sequence[str], environ: Mapping[str, str]) -> None:
        self.said = ""
        self._read = 0
        self._command = list(command)
        self._environ = {**environ, "TERM": "dumb", "COLUMNS": "200"}
        self._ours = -1
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self._ours, theirs = pty.openpty()
        self._process = subprocess.Popen(
            self._command, stdin=theirs, stdout=theirs, stderr=theirs, env=self._environ, start_new_session=True
        )
        os.close(theirs)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        os.close(self._ours)

    def expect(self, words: str) -> None:
        """Wait until it says `words` (a regular expression)."""
        deadline = time.monotonic() + PATIENCE
        while (found := re.search(words, self.said[self._read :])) is None:
            left = deadline - time.monotonic()
            assert left > 0, f"it never said {words!r}; it said:\n{self.said}"
            if not self._more(left):
                raise AssertionError(f"it ended without {words!r}; it said:\n{self.said}")
        self._read += found.end()

    def type(self, line: str) -> None:
        """A line, and Enter."""
        os.write(self._ours, f"{line}\n".encode())

    def answer(self, question: str, line: str) -> None:
        """Wait for the question and for what is written once an answer is read, then type.

        What is typed before a password is read would be echoed, and thrown away.
        """
        self.expect(question)
        self.expect(": ")
        self.type(line)

    def ended(self) -> int:
        """Its exit code, once it has said everything."""
        deadline = time.monotonic() + PATIENCE
        while self._more(deadline - time.monotonic()):
            pass
        assert self._process is not None
        return self._process.wait(PATIENCE)

    def _more(self, within: float) -> bool:
        """Read on; False at the end, which Linux tells as EIO."""
        if not select.select([self._ours], [], [], max(within, 0.0))[0]:
            raise AssertionError(f"it says nothing more; it said:\n{self.said}")
        try:
            data = os.read(self._ours, 65536)
        except OSError:
            return False
        self.said += data.decode(errors="replace")
        return bool(data)
