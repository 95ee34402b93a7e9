"""One PostgreSQL for a piece of work, without the services: started, waited for, stopped in order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from random import SystemRandom

from sluice_common.kit.clock import Clock
from sluice_embedded import postgres, servers
from sluice_embedded.children import Child
from sluice_embedded.faults import ExitCode, StartRefused
from sluice_embedded.layout import Layout

_GIVE_UP_AFTER = 4
_OFTEN = 0.05
_PATIENCE = 120.0  # its last checkpoint writes what was loaded


@asynccontextmanager
async def alone(
    server: postgres.PostgresServer, layout: Layout, clock: Clock, say: Callable[[str], None], *extra: str
) -> AsyncIterator[None]:
    """The server runs and answers while the block does; `extra` are further words of its command.

    Call it in the main thread, with which the server would end. Raises StartRefused when it does not come up.
    """
    spec = servers.postgres_spec(server, layout, clock)
    spec = replace(spec, command=postgres.command(server, *extra), patience=_PATIENCE)
    child = Child(spec, clock, SystemRandom(), say, changed=lambda: None)
    running = asyncio.create_task(child.run())
    try:
        await _until_ready(server, child, running, clock)
        yield
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def _until_ready(
    server: postgres.PostgresServer, child: Child, running: asyncio.Task[None], clock: Clock
) -> None:
    accepting = postgres.Accepting(server, lambda: child.failures)
    while not await accepting():
        if running.done() or child.failures >= _GIVE_UP_AFTER:
            raise StartRefused(ExitCode.FAILED, f"PostgreSQL does not start on {server.data}:\n{child.words()}")
        await clock.sleep(_OFTEN)
