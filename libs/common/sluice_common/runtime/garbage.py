"""What the collector of cycles need not look at: everything that stays until the exit.

Rows of the queue are not seen by it anyway (`gc=False`). What is left are the some hundred objects that belong to each
client and each subscription: with 100 clients a full collection stopped the event loop for 25 to 50 ms.
"""

from __future__ import annotations

import asyncio
import gc

SETTLED = 60.0  # seconds after which a service has all that it will have for as long as it runs


async def leave_alone_what_stayed() -> None:
    """Once, when the service has settled. What is young is looked through before, which takes no time."""
    await asyncio.sleep(SETTLED)
    gc.collect(1)
    gc.freeze()
