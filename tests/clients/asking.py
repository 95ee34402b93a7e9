"""How tests look at a real client: through its adapter, again and again until what they wait for is there."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Set
from contextlib import asynccontextmanager
from typing import TypeVar

from sluice_client_poller.adapters.port import Adapter
from sluice_client_poller.adapters.registry import make
from sluice_common.kit.errors import ClientUnavailable
from sluice_common.kit.settings import ClientSettings
from sluice_common.model.download import Download
from support.clients import RealClient
from support.meeting import Meeting
from support.polls import Folded
from support.swarm import Swarm
from support.waiting import PATIENCE

T = TypeVar("T")
WITHIN = 30.0  # seconds of an idle machine


@asynccontextmanager
async def adapter_for(client: RealClient, password: str | None = None) -> AsyncIterator[Adapter]:
    """The adapter as the poller gets it from the configuration; with another password where one is given."""
    values = {"type": client.type, "url": client.url, "password": password or client.password}
    if client.username is not None:
        values["username"] = client.username
    adapter = make(client.type, ClientSettings.model_validate(values))
    try:
        yield adapter
    finally:
        await adapter.close()


async def eventually(
    ask: Callable[[], Awaitable[T]],
    wanted: Callable[[T], object],
    within: float = WITHIN,
    meanwhile: Callable[[], None] = lambda: None,
) -> T:
    """Ask until the answer is as wanted, and return it; `meanwhile` is done before each look."""
    deadline = time.monotonic() + within * PATIENCE
    while True:
        meanwhile()
        answer = await ask()
        if wanted(answer):
            return answer
        assert time.monotonic() < deadline, f"not within {within} s; last answer: {answer}"
        await asyncio.sleep(0.05)


async def row(adapter: Adapter, download_id: str) -> Download:
    """The row, which must be there."""
    found = await adapter.read(download_id)
    assert found is not None
    return found


async def listed(table: Folded, download_id: str) -> Download:
    """The row once a poll has it."""
    return (await eventually(table.poll, lambda rows: download_id in rows))[download_id]


async def gone(client: RealClient, names: Set[str]) -> None:
    """Wait until the client lists nothing that answers to one of these names: some remove after they have said so."""
    if not names:
        return
    async with adapter_for(client) as adapter:
        table = Folded(adapter)
        await eventually(
            table.poll, lambda rows: not any(names & {found.id, *found.aliases} for found in rows.values())
        )


async def polled(table: Folded) -> dict[str, Download] | None:
    """The table after one more poll; None where the client says that it is not ready yet."""
    try:
        return await table.poll()
    except ClientUnavailable:
        return None


class Downloads:
    """Lets downloads of a client find their data, and waits for them."""

    def __init__(self, swarm: Swarm, client: RealClient) -> None:
        self._meeting = Meeting(swarm, client)

    async def complete(self, adapter: Adapter, download_id: str) -> Download:
        """The row once it is complete."""
        return await self.until(adapter, download_id, lambda found: found.is_complete)

    async def until(self, adapter: Adapter, download_id: str, wanted: Callable[[Download], object]) -> Download:
        """The row once it is as wanted, while it may download."""
        return await eventually(
            lambda: row(adapter, download_id), wanted, meanwhile=lambda: self._meeting.introduce(download_id)
        )
