"""The machine's clock for adapters over recorded replies, which need no time, and for those whose time a test moves."""

from __future__ import annotations

import asyncio

from typing_extensions import override

from sluice_common.kit.clock import SystemClock


class Ahead(SystemClock):
    """`ahead` moves the clock on by seconds."""

    ahead = 0.0

    @override
    def monotonic(self) -> float:
        return super().monotonic() + self.ahead


class Hurried(Ahead):
    """Besides, sleeps are over at once."""

    @override
    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0)
