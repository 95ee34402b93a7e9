"""Ctrl-C and its like as a cancellation, so that everything is ended on the way out. Nothing is ended here."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def cancelled_by_signals(say: Callable[[str], None]) -> Iterator[asyncio.Event]:
    """The first signal cancels the running task, which ends the children on its way out; more change nothing.

    Yields an event that is set once a signal came.
    """
    loop, task, asked = asyncio.get_running_loop(), asyncio.current_task(), asyncio.Event()

    def ask() -> None:
        if task is not None and not asked.is_set():
            asked.set()
            task.cancel()
            say("Stopping …")

    for sign in _SIGNALS:
        loop.add_signal_handler(sign, ask)
    try:
        yield asked
    finally:
        for sign in _SIGNALS:
            loop.remove_signal_handler(sign)
