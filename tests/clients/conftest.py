"""The real clients that these tests talk to, and the bus of those that have a poller over them."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from sluice_common.bus.connect import Bus, connect
from sluice_common.kit.settings import NatsSettings
from support.fixtures import own_deluge, shared_clients, swarm

__all__ = ["bus", "own_deluge", "shared_clients", "swarm"]


@pytest.fixture
async def bus(nats_settings: NatsSettings) -> AsyncIterator[Bus]:
    """A connection to the test's own NATS, the streams made."""
    async with connect(nats_settings, name="test") as opened:
        yield opened
