"""Long pieces of work one at a time: whoever else needs the event loop waits for one of them, never for their sum.

A loop runs all that is ready before it looks at its sockets again. Work cut into slices is no help where a hundred
tasks have a slice ready at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import TypeVar
from weakref import WeakKeyDictionary

T = TypeVar("T")

SLICE = 250  # rows: parsing so many takes some milliseconds
BIG_BODY = 250_000  # bytes: about as long

_LINES: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = WeakKeyDictionary()


async def turn() -> None:
    """Return in a round of the event loop in which nobody else's `turn` returns; in the order of asking.

    The piece of work is what follows, up to the next await.
    """
    async with _LINES.setdefault(asyncio.get_running_loop(), asyncio.Lock()):
        await asyncio.sleep(0)


async def turn_for(rows: int) -> None:
    """A turn before something is done with so many rows; few are not worth one."""
    if rows > SLICE:
        await turn()


async def turn_to_parse(body_bytes: int) -> None:
    """A turn before a reply that long is parsed as a whole; a short one is not worth one."""
    if body_bytes > BIG_BODY:
        await turn()


async def slices(rows: Sequence[T]) -> AsyncIterator[Sequence[T]]:
    """All of them in order, in parts that have a turn each; few of them are one part, at once."""
    if 0 < len(rows) <= SLICE:
        yield rows
        return
    for begin in range(0, len(rows), SLICE):
        await turn()
        yield rows[begin : begin + SLICE]
