"""Fixtures of the faults: each test has a Deluge, libraries and a data directory of its own."""

from __future__ import annotations

import os
import secrets
from collections.abc import AsyncIterator
from random import Random

import pytest

from sluice_common.bus.connect import Bus, connect
from support.fixtures import own_deluge, swarm
from support.household import data, media
from support.nats import NatsForTest

__all__ = ["data", "media", "own_deluge", "swarm"]


@pytest.fixture
def random() -> Random:
    """Seeded by SLUICE_SEED; a run prints what repeats its choices."""
    seed = os.environ.get("SLUICE_SEED") or secrets.token_hex(4)
    print(f"SLUICE_SEED={seed}")
    return Random(seed)


@pytest.fixture
async def bus(nats_server: NatsForTest) -> AsyncIterator[Bus]:
    async with connect(nats_server.settings, name="test") as bus:
        yield bus
