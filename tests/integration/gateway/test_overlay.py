"""How much a gateway remembers of imports."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from integration.gateway.conftest import ServiceForTest, until
from sluice_common.bus.connect import Bus
from sluice_common.contracts.library import Import, ImportState, Listing
from sluice_common.contracts.rpc import Page
from sluice_gateway.live import overlay


async def test_imports_of_what_is_not_in_the_queue_are_forgotten(
    bus: Bus, services: ServiceForTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All are known at first, for rows that come later; then only those of the queue, however often it is read."""
    monkeypatch.setattr(overlay, "REREAD_EVERY", 0.5)
    made = [
        Import(
            id=f"i{number}",
            client="deluge",
            download_id=f"d{number}",
            epoch="c1",
            name="",
            version=1,
            state=ImportState.IMPORTED,
        )
        for number in range(100)
    ]
    await services.answers("importer", "imports.list", Listing, lambda _: Page[Import](tuple(made)))
    overlays, seen = overlay.Overlays(), list[int]()
    overlays.on_change.append(lambda _: seen.append(len(overlays)))
    feed = overlay.OverlayFeed(bus, overlays, lambda _, download_id: download_id == "d7", lambda: "request")
    running = asyncio.create_task(feed.run())
    try:
        await until(lambda: len(overlays) == 1, "what is not shown is forgotten")
        assert max(seen) == 100
        reads = len(services.of("imports.list"))
        await until(lambda: len(services.of("imports.list")) >= reads + 2, "it is read again")
        assert len(overlays) == 1
        assert len(seen) == 100
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
