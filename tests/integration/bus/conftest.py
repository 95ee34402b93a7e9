"""A connected bus for every test here, on that test's own NATS."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from sluice_common.bus.connect import Bus, connect
from sluice_common.kit.settings import NatsSettings


@pytest.fixture
async def bus(nats_settings: NatsSettings) -> AsyncIterator[Bus]:
    """Connected, with its streams."""
    async with connect(nats_settings, name="test") as connected:
        yield connected


@pytest.fixture
async def other(nats_settings: NatsSettings) -> AsyncIterator[Bus]:
    """A second connection, as another process would have."""
    async with connect(nats_settings, name="other") as connected:
        yield connected
