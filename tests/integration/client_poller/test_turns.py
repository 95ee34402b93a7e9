"""A poller with a long list leaves the event loop to others in between; one with news does not wait for that."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from sluice_common.bus.connect import Bus, connect
from sluice_common.kit import turns
from sluice_common.kit.settings import NatsSettings
from sluice_common.model.download import Download
from support.fake_client import FakeClient
from support.poller import committed, polling
from support.turns import count_turns
from support.waiting import until

# To hear it, settle it, plan the keyframe, pack its one part, and remember what is committed.
PIECES = 5


@pytest.fixture
async def bus(nats_settings: NatsSettings) -> AsyncIterator[Bus]:
    async with connect(nats_settings, name="test") as bus:
        yield bus


async def test_a_long_list_is_several_pieces_and_a_change_is_none(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each step of a first list has a turn of the loop; a delta that follows asks for none."""
    taken = count_turns(monkeypatch)
    client = FakeClient(deltas=True)
    for number in range(2 * turns.SLICE):
        client.put(f"d{number}")
    async with polling(bus, {"fake": client}):
        await until(lambda: _row(bus, "d7"))
        seen = client.polls + 2
        await until(lambda: client.polls >= seen)
        assert len(taken) == PIECES
        client.put("d7", name="Film")
        await until(lambda: _is_named(bus, "d7", "Film"))
        assert len(taken) == PIECES


async def _row(bus: Bus, download_id: str) -> Download | None:
    table = await committed(bus, "fake")
    return table.rows.get(download_id) if table else None


async def _is_named(bus: Bus, download_id: str, name: str) -> bool:
    row = await _row(bus, download_id)
    return row is not None and row.name == name
