"""One PostgreSQL for a piece of work, without the services: started, waited for, stopped in order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from random import SystemRandom

import asyncpg

from sluice_common.kit.clock import Clock
from sluice_embedded import postgres, servers
from sluice_embedded.children import Child
from sluice_embedded.faults import ExitCode, StartRefused
from sluice_embedded.layout import Layout

_GIVE_UP_AFTER = 4
_OFTEN = 0.05
_KNOWS_US_AFTER = 40  # looks
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
    unknown = 0
    while (why := await postgres.refusal(server)) is not None:
        if running.done() or child.failures >= _GIVE_UP_AFTER:
            raise StartRefused(ExitCode.FAILED, f"PostgreSQL does not start on {server.data}:\n{child.words()}")
        unknown += isinstance(why, asyncpg.InvalidAuthorizationSpecificationError)
        if unknown >= _KNOWS_US_AFTER and child.failures == 0:  # else another server has our port
            raise StartRefused(
                ExitCode.DATA_DIRECTORY,
                f"PostgreSQL on {server.data} does not accept our password. It lies in secrets/postgres-password of "
                "the data directory, and belongs to this database: put back the file that was made with it.",
            )
        await clock.sleep(_OFTEN)
