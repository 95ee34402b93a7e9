"""What the collector of cycles need not look at: what stays until the exit.

Rows of the queue are not seen by it anyway (`gc=False`). What is left are the some hundred objects that belong to each
client and each subscription; a full collection goes through all of them, and the event loop waits for it.

What is left alone is never freed if it is part of a cycle, and with it nothing that it holds. So whoever lets go of
something that was to stay (a client, with all its rows) says so.
"""

from __future__ import annotations

import asyncio
import gc
from weakref import WeakSet

SETTLED = 60.0  # seconds after which a service has all that it will have for as long as it runs

# Of the whole process, as the collector is.
_LET_GO: WeakSet[object] = WeakSet()


def let_go(thing: object) -> None:
    """`thing` was to stay and is used no more: see to it that it is freed, at most two SETTLED after that."""
    _LET_GO.add(thing)


async def leave_alone_what_stays() -> None:
    """Until cancelled. What is there once the service has settled is looked through again only for what was let go.

    That costs one full collection for all that was let go within SETTLED, and another as long as something still uses
    it: a task that was cancelled takes a moment to end. What is young is looked through before it is left alone, which
    takes no time.
    """
    await asyncio.sleep(SETTLED)
    gc.collect(1)
    gc.freeze()
    while True:
        await asyncio.sleep(SETTLED)
        if _LET_GO:
            gc.unfreeze()
            gc.collect()
            gc.freeze()
