"""One child process: started, watched, started again, ended in order. What the child is for is not known here.

A child dies with us (`--pdeathsig` in its command), so it must be started from the main thread. It has a session of its
own: the terminal's Ctrl-C reaches `up` alone, which ends its children in the right order.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from asyncio.subprocess import DEVNULL, Process, create_subprocess_exec
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random

from sluice_common.kit.backoff import delay
from sluice_common.kit.clock import Clock
from sluice_embedded.logs import open_log, rotate, tail

_SETTLED = 30.0
_LAST_WORD = 1.0


async def _nothing() -> None:
    return None


@dataclass(frozen=True)
class ChildSpec:
    """How a child is run. Times in seconds; `refusal` is the exit code after which starting again is senseless.

    With `once` every end of its own is one: the child is never started again.
    """

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    log: Path
    cwd: Path
    stop_signals: tuple[signal.Signals, ...] = (signal.SIGTERM,)
    patience: float = 5.0
    restart_after: float = 0.5
    restart_cap: float = 15.0
    refusal: int | None = None
    once: bool = False
    before_start: Callable[[], Awaitable[None]] = _nothing


class ChildRefused(Exception):
    """A child ended and is not to be started again: it will never run as things are. `words` are its last lines."""

    def __init__(self, name: str, words: str) -> None:
        super().__init__(f"{name} refuses to run")
        self.name = name
        self.words = words


class Child:
    """Runs one spec until cancelled. `say` gets sentences for the user, `changed` is called at each start."""

    def __init__(
        self, spec: ChildSpec, clock: Clock, random: Random, say: Callable[[str], None], changed: Callable[[], None]
    ) -> None:
        self.spec = spec
        self.failures = 0
        self.pid: int | None = None
        self._clock, self._random, self._say, self._changed = clock, random, say, changed
        self._log_start = 0

    def words(self) -> str:
        """The last lines that this start of the child wrote."""
        return tail(self.spec.log, start=self._log_start)

    async def run(self) -> None:
        """Start it again whenever it ends; cancelling ends it in order. Raises ChildRefused when it must not."""
        while True:
            await self.spec.before_start()
            began = self._clock.monotonic()
            code = await self._run_once()
            if self.spec.once or code == self.spec.refusal:
                raise ChildRefused(self.spec.name, self.words())
            lived = self._clock.monotonic() - began
            self.failures = 1 if lived >= _SETTLED else self.failures + 1
            wait = delay(
                self.failures,
                base=self.spec.restart_after,
                cap=self.spec.restart_cap,
                jitter=self._random.random(),
            )
            self._report(code, wait)
            await self._clock.sleep(wait)

    async def _run_once(self) -> int:
        starting = asyncio.ensure_future(self._start())
        try:
            process = await asyncio.shield(starting)
            return await process.wait()
        except asyncio.CancelledError:
            await self._end(await starting)
            raise
        finally:
            self.pid = None

    async def _start(self) -> Process:
        rotate(self.spec.log)
        handle = open_log(self.spec.log)
        try:
            self._log_start = os.fstat(handle).st_size
            process = await create_subprocess_exec(
                *self.spec.command,
                stdin=DEVNULL,
                stdout=handle,
                stderr=handle,
                env=dict(self.spec.environment),
                cwd=self.spec.cwd,
                start_new_session=True,
            )
        finally:
            os.close(handle)
        self.pid = process.pid
        self._changed()
        return process

    async def _end(self, process: Process) -> None:
        """The stop signals one after the other, `patience` after the first, then SIGKILL to its whole group."""
        patience = self.spec.patience
        for sign in self.spec.stop_signals:
            if await _ended_by(process, sign, patience):
                return
            patience = _LAST_WORD
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()

    def _report(self, code: int, wait: float) -> None:
        """Each end is told; the child's words only when it failed by itself, and not every time of many."""
        name = self.spec.name
        how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
        self._say(f"{name} {how}; starting it again" + (f" in {wait:.0f} s." if wait >= 1 else "."))
        often = self.failures & (self.failures - 1) == 0
        words = self.words() if code > 0 and often else ""
        if words:
            self._say(f"  Its last lines ({self.spec.log}):\n{words}")


async def _ended_by(process: Process, sign: signal.Signals, within: float) -> bool:
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(sign)
    try:
        async with asyncio.timeout(within):
            await process.wait()
    except TimeoutError:
        return False
    return True
