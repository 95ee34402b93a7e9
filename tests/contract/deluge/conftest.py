"""A recorded deluge-web, for every test of its adapter."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from support.recorded_deluge import Recorded
from support.replay import Replay


@pytest.fixture
def recorded() -> Recorded:
    """A recorded deluge-web that was just started."""
    return Recorded()


@pytest.fixture
def replay(recorded: Recorded) -> Iterator[Replay]:
    """The recorded deluge-web behind HTTP."""
    with Replay(recorded) as running:
        yield running
