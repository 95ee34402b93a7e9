"""Cancellation that cannot get lost, and what came out of a group of tasks.

Until Python 3.12 `asyncio.wait_for`, which nats-py awaits everywhere, forgets a cancellation that meets it in the very
moment in which its future is done (python/cpython#86296); the task then runs on as if nobody had asked it to stop.
"""

from __future__ import annotations

import asyncio
from typing import TypeVar

Failed = TypeVar("Failed", bound=BaseException)


def checkpoint() -> None:
    """Raise CancelledError if this task was asked to stop; every endless loop calls it once a round."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


def leaves(group: BaseExceptionGroup[Failed]) -> list[Failed]:
    """The exceptions of a group and of the groups in it, in order."""
    found: list[Failed] = []
    for inner in group.exceptions:
        found += leaves(inner) if isinstance(inner, BaseExceptionGroup) else [inner]
    return found
