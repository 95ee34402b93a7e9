"""History as it is started: the whole service, from an empty database to an answer over RPC."""

from __future__ import annotations

import asyncio

from sluice_common.bus.connect import Bus
from sluice_common.bus.rpc import call
from sluice_common.contracts import subjects
from sluice_common.contracts.history import HistoryEntry, HistoryQuery
from sluice_common.contracts.rpc import Page
from sluice_common.kit.errors import Problem
from sluice_common.kit.settings import NatsSettings, PostgresSettings, Settings
from sluice_common.runtime.run import serve
from sluice_history.__main__ import build
from support.history import an_event, eventually, publish


async def test_it_migrates_records_and_answers(
    bus: Bus, nats_settings: NatsSettings, database: PostgresSettings
) -> None:
    """Started on an empty database, it makes its schema, records what is in the stream and answers; then it stops."""
    await publish(bus, [an_event(1, download="a"), an_event(2, "download.completed", download="a")])
    stop = asyncio.Event()
    running = asyncio.create_task(serve("history", build, Settings(nats=nats_settings, postgres=database), stop))

    async def answered() -> bool:
        query = HistoryQuery(client="deluge", id="a", oldest_first=True)
        try:
            page = await call(bus, subjects.rpc("history", "list"), query, Page[HistoryEntry], request_id="r")
        except Problem as problem:
            if problem.code != "no_responder":  # only its absence is excused
                raise
            return False
        return [entry.type for entry in page.items] == ["download.added", "download.completed"]

    await eventually(answered, "the timeline over RPC")
    stop.set()
    await running
