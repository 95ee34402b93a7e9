"""What the poller's tests share."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from sluice_common.bus.connect import Bus, connect
from sluice_common.kit.settings import NatsSettings


@pytest.fixture
async def bus(nats_settings: NatsSettings) -> AsyncIterator[Bus]:
    """A connection to the test's own NATS, the streams made."""
    async with connect(nats_settings, name="test") as opened:
        yield opened


@pytest.fixture(params=[False, True], ids=["whole", "deltas"])
def deltas(request: pytest.FixtureRequest) -> bool:
    """Whether the client tells what changed, or its whole list each time: what comes of it is the same."""
    return bool(request.param)
