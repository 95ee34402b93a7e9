"""What the collector of cycles need not look at: what stays until the exit.

Rows of the queue are not seen by it anyway (`gc=False`). What is left are the some hundred objects that belong to each
client and each subscription; a full collection goes through all of them, and the event loop waits for it.

What is left alone is never freed if it is part of a cycle, and with it nothing that it holds. So whoever lets go of
something that was to stay (a client, with all its rows) says so.
"""

from __future__ import annotations

import asyncio
import gc
import threading

SETTLED = 60.0  # seconds after which a service has all that it will have for as long as it runs

# Of the whole process, as the collector is. Not asyncio's: it outlives a loop, and nobody waits for it.
_WENT = threading.Event()


def something_went() -> None:
    """Something that was to stay has been let go of: see to it that it is freed, at the latest after two SETTLED."""
    _WENT.set()


async def leave_alone_what_stays() -> None:
    """Until cancelled. What is there once the service has settled is looked through again only after something went.

    That costs one full collection, for all that went within SETTLED. What is young is looked through before it is
    left alone, which takes no time.
    """
    await asyncio.sleep(SETTLED)
    gc.collect(1)
    gc.freeze()
    while True:
        await asyncio.sleep(SETTLED)
        if _WENT.is_set():
            _WENT.clear()
            gc.unfreeze()
            gc.collect()
            gc.freeze()
