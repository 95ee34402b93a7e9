"""Adapters take a long list in slices: a hundred clients may tell theirs at once, and others need the event loop."""

from __future__ import annotations

import pytest

from bench.synthetic import SyntheticQbittorrent
from sluice_common.kit.turns import SLICE
from support.recorded_qbittorrent import adapter_of
from support.replay import Replay
from support.turns import count_turns

SLICES = 4


async def test_a_whole_list_comes_in_slices_and_a_delta_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A turn to parse the reply, and one for each slice that is merged and mapped; none for the rows that move."""
    synthetic, taken = SyntheticQbittorrent(SLICES * SLICE, seed=1), count_turns(monkeypatch)
    with Replay(synthetic) as replay:
        adapter = adapter_of(replay.url)
        assert len((await adapter.poll()).rows) == SLICES * SLICE
        assert len(taken) == 1 + 2 * SLICES
        synthetic.step()
        assert not (await adapter.poll()).whole
        assert len(taken) == 1 + 2 * SLICES
        await adapter.close()
