"""A migrated database, a bus, and history's loops as tasks that a test may start and cancel."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress

import pytest

from sluice_common.bus.connect import Bus, connect
from sluice_common.db.migrate import migrate
from sluice_common.db.pool import Database, open_pool
from sluice_common.kit.settings import NatsSettings, PostgresSettings
from support.history import Start


@pytest.fixture
async def db(database: PostgresSettings) -> AsyncIterator[Database]:
    """history's schema in an empty database."""
    await migrate(database, package="sluice_history", schema="history")
    async with open_pool(database, application="test") as pool:
        yield pool


@pytest.fixture
async def bus(nats_settings: NatsSettings) -> AsyncIterator[Bus]:
    """A connection to the test's own NATS, the streams made."""
    async with connect(nats_settings, name="test") as opened:
        yield opened


@pytest.fixture
async def other_bus(nats_settings: NatsSettings) -> AsyncIterator[Bus]:
    """Another replica's connection."""
    async with connect(nats_settings, name="other") as opened:
        yield opened


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    """Run a loop beside the test; it is cancelled at the test's end, and what killed it earlier fails the test."""
    tasks: list[asyncio.Task[None]] = []

    async def run(loop: Callable[[], Awaitable[None]]) -> None:
        await loop()

    def begin(loop: Callable[[], Awaitable[None]]) -> asyncio.Task[None]:
        tasks.append(asyncio.create_task(run(loop)))
        return tasks[-1]

    yield begin
    for task in tasks:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
