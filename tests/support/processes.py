"""Small tools around processes that tests start: end them, wait for a condition, run a coroutine aside."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from support.waiting import PATIENCE

T = TypeVar("T")


def until(condition: Callable[[], object], what: str, within: float = 20.0, every: float = 0.02) -> None:
    """Wait until `condition()` is true; an AssertionError with `what` after `within` seconds."""
    deadline = time.monotonic() + within * PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"not within {within} s: {what}"
        time.sleep(every)


def end(
    process: subprocess.Popen[bytes] | None, kill: bool = False, sign: int = signal.SIGTERM, within: float = 10.0
) -> None:
    """End and reap the process: `sign`, then SIGKILL after `within` s; with `kill` SIGKILL at once. None: nothing."""
    if process is None:
        return
    process.send_signal(signal.SIGKILL if kill else sign)
    try:
        process.wait(within)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(10)


def background(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end in a loop and a thread of its own: fixtures must not disturb a test's loop."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()
