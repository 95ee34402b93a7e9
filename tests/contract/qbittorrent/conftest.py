"""A recorded qBittorrent, for every test of its adapter."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from contract.adapter_suite import SAMPLES
from support.recorded_qbittorrent import OLD, RecordedQbittorrent
from support.replay import Replay


@pytest.fixture
def recorded() -> RecordedQbittorrent:
    """A recorded qBittorrent that was just started."""
    return RecordedQbittorrent(SAMPLES / OLD)


@pytest.fixture
def replay(recorded: RecordedQbittorrent) -> Iterator[Replay]:
    """That qBittorrent behind HTTP."""
    with Replay(recorded) as running:
        yield running
