"""A household per test: a played client with its downloads, two marked libraries, a bus and an empty database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest

from sluice_common.bus.connect import Bus, connect
from sluice_common.kit.settings import NatsSettings, PostgresSettings
from sluice_importer.place.root import init_root
from support.importer import Household, PlayedClient, settings_of


@pytest.fixture
async def bus(nats_settings: NatsSettings) -> AsyncIterator[Bus]:
    """The test's own connection."""
    async with connect(nats_settings, name="test") as opened:
        yield opened


@pytest.fixture
async def client(bus: Bus, tmp_path: Path) -> AsyncIterator[PlayedClient]:
    """A client that says every moment that it was polled; its baseline is published by `start`."""
    home = tmp_path / "downloads"
    home.mkdir()
    played = PlayedClient(bus, home)
    polling = asyncio.create_task(played.run())
    yield played
    polling.cancel()
    with suppress(asyncio.CancelledError):
        await polling
    await played.stop()


@pytest.fixture
def household(
    nats_settings: NatsSettings, database: PostgresSettings, bus: Bus, client: PlayedClient, tmp_path: Path
) -> Household:
    """Everything but a running importer."""
    for name in ("movies", "tv"):
        (tmp_path / name).mkdir()
        init_root(tmp_path / name, name)
    return Household(settings_of(tmp_path, nats_settings, database), bus, client, tmp_path)
