"""Waiting for a condition, with a deadline; never for luck."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar, overload

T = TypeVar("T")

# A deadline only decides how long a test that fails takes. A busy machine is slow, not wrong.
PATIENCE = 3.0


@overload
async def until(condition: Callable[[], Awaitable[T | None]], *, seconds: float = ..., what: str = ...) -> T: ...
@overload
async def until(condition: Callable[[], T | None], *, seconds: float = ..., what: str = ...) -> T: ...
async def until(
    condition: Callable[[], Awaitable[T | None]] | Callable[[], T | None], *, seconds: float = 15.0, what: str = ""
) -> T:
    """The first truthy value of `condition` (plain or async); fails with `what` after `seconds` of an idle machine."""
    deadline = time.monotonic() + seconds * PATIENCE
    while True:
        value = condition()
        seen = await value if isinstance(value, Awaitable) else value
        if seen:
            return seen
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds:g} s: {what or condition}; last seen: {seen!r}")
        await asyncio.sleep(0.02)


def wait(
    condition: Callable[[], T | None],
    *,
    seconds: float = 30.0,
    what: str | Callable[[], str] = "",
    every: float = 0.05,
) -> T:
    """The first truthy value of `condition`, asked `every` so many seconds; fails with `what` after `seconds`."""
    deadline = time.monotonic() + seconds * PATIENCE
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds:g} s: {what() if callable(what) else what}; last: {value!r}")
        time.sleep(every)
