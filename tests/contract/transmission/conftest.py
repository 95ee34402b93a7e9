"""A recorded Transmission of each version and its adapter, for every test of them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from sluice_client_poller.adapters.transmission.client import TransmissionAdapter
from support.hurried import Hurried
from support.recorded_transmission import NEW, OLD, Recorded, adapter_of, closing
from support.replay import Replay


@pytest.fixture(params=[OLD, NEW])
def recorded(request: pytest.FixtureRequest) -> Recorded:
    """A recorded daemon that has been running for a while, of each version."""
    return Recorded(request.param)


@pytest.fixture
def replay(recorded: Recorded) -> Iterator[Replay]:
    """The recorded daemon behind HTTP."""
    with Replay(recorded) as running:
        yield running


@pytest.fixture
def clock() -> Hurried:
    """Time that the test moves."""
    return Hurried()


@pytest.fixture
async def adapter(replay: Replay, clock: Hurried) -> AsyncIterator[TransmissionAdapter]:
    """An adapter of the recorded daemon."""
    async with closing(adapter_of(replay.url, clock=clock)) as made:
        yield made
