"""One run of doctor for all who ask at the same time."""

from __future__ import annotations

import asyncio
from typing import cast

import pytest

from sluice_common.bus.connect import Bus
from sluice_common.db.pool import Database
from sluice_common.kit.settings import Settings
from sluice_gateway.doctor import Doctor


class SlowPart:
    """A bus and a database that say they are down, once they may."""

    def __init__(self) -> None:
        self.asked = 0
        self.was_asked = asyncio.Event()
        self.may_answer = asyncio.Event()

    async def ready(self) -> str:
        self.asked += 1
        self.was_asked.set()
        await self.may_answer.wait()
        return "it is down"

    async def answer(self) -> None:
        self.may_answer.set()


async def test_who_asks_meanwhile_gets_the_same_answer() -> None:
    """Parts are asked once for all who wait; one who leaves spoils it for nobody; the next one asks anew."""
    part = SlowPart()
    doctor = Doctor(cast(Bus, part), cast(Database, part), Settings())
    leaves = asyncio.create_task(doctor.findings("first"))
    async with asyncio.timeout(10):
        await part.was_asked.wait()
        leaves.cancel()
        with pytest.raises(asyncio.CancelledError):
            await leaves
        second, third, _ = await asyncio.gather(doctor.findings("second"), doctor.findings("third"), part.answer())
        assert second == third
        assert part.asked == 2  # once as the bus, once as the database
        await doctor.findings("later")
    assert part.asked == 4


async def test_an_error_is_of_one_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """It reaches who asked, and the next run is a new one."""
    part = SlowPart()
    part.may_answer.set()
    doctor = Doctor(cast(Bus, part), cast(Database, part), Settings())
    monkeypatch.setattr("sluice_gateway.diagnoses.bus", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        await doctor.findings("first")
    monkeypatch.undo()
    assert (await doctor.findings("second"))[0].code == "bus_unavailable"
