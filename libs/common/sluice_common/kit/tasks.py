"""Cancellation that cannot get lost.

Until Python 3.12 `asyncio.wait_for`, which nats-py awaits everywhere, forgets a cancellation that meets it in the very
moment in which its future is done (python/cpython#86296); the task then runs on as if nobody had asked it to stop.
"""

from __future__ import annotations

import asyncio


def checkpoint() -> None:
    """Raise CancelledError if this task was asked to stop; every endless loop calls it once a round."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
