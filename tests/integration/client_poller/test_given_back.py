"""What a poller still has of a client that is another's now, on a real NATS."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import AsyncIterator

import pytest

from sluice_client_poller.holder import Held, Holder
from sluice_common.bus.connect import Bus
from sluice_common.runtime import garbage
from support.fake_client import FakeClient
from support.poller import committed, polling
from support.waiting import until

BOTH = {"fake", "other"}


@pytest.fixture
async def left_alone(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[asyncio.Event]:
    """The collector as a service has it, short of patience, once this is set: what is there then it leaves alone."""
    monkeypatch.setattr(garbage, "SETTLED", 0.1)
    begins = asyncio.Event()

    async def settle() -> None:
        await begins.wait()
        await garbage.leave_alone_what_stays()

    settling = asyncio.create_task(settle())
    try:
        yield begins
    finally:
        settling.cancel()
        await asyncio.wait({settling})
        gc.unfreeze()


def _fakes() -> dict[str, FakeClient]:
    fakes = {name: FakeClient(name) for name in BOTH}
    for fake in fakes.values():
        fake.put("a")
    return fakes


def _traces(held: Held) -> list[weakref.ref[object]]:
    """What a client is made of, held by nobody here."""
    session = held.session
    return [weakref.ref(part) for part in (held.commands, session, session._table, session._last_picture)]


def _all_traces(holder: Holder) -> dict[str, list[weakref.ref[object]]]:
    return {name: _traces(held) for name, held in holder._held.items()}


async def test_a_client_that_was_given_back_is_freed(bus: Bus, left_alone: asyncio.Event) -> None:
    """Its rows, and all that kept them, are no longer in memory, though the collector had left them alone by then."""

    async def known() -> bool:
        return all([await committed(bus, name) for name in BOTH])

    async with polling(bus, dict(_fakes())) as first:
        await until(known, what="both tables")
        traces = _all_traces(first)
        left_alone.set()
        await until(gc.get_freeze_count, what="left alone")
        async with polling(bus, dict(_fakes())):
            await until(lambda: len(first._held) == 1, what="one given back")
            (gone,) = BOTH - first._held.keys()
            await until(lambda: not any(trace() for trace in traces[gone]), what="what was given back is freed")
            (kept,) = first._held
            assert all(trace() for trace in traces[kept])
