"""Hundreds of active downloads in several clients at once, all of which change with every poll."""

from __future__ import annotations

from collections import Counter
from random import Random

from sluice_common.bus.connect import Bus
from sluice_common.kit.settings import PollSettings
from sluice_common.model.enums import State
from support.fake_client import FakeClient
from support.poller import all_events, committed, polling
from support.waiting import until

CLIENTS, EACH = 10, 100
SETTINGS = PollSettings(fast=0.1, slow=0.1, hold=0.5, hold_after_reconnect=2.0)


async def test_hundreds_of_active_downloads_in_one_run(bus: Bus) -> None:
    """A thousand move, some finish, some leave: every table is its client's truth, every event is told once."""
    random = Random(6)
    clients = {f"c{number}": FakeClient(f"c{number}", deltas=number % 2 == 0) for number in range(CLIENTS)}
    for client in clients.values():
        for number in range(EACH):
            client.put(f"d{number}", state=State.DOWNLOADING, done=1)
    async with polling(bus, dict(clients), settings=SETTINGS):
        await until(lambda: _same(bus, clients), what="every table")
        finished, left = set[str](), set[str]()
        for client in clients.values():
            for _ in range(3):
                await _moved(client, random)
            for download_id in random.sample(sorted(client.rows), 10):
                client.finish(download_id)
                finished.add(f"{client.name}/{download_id}")
            await _polled(client)
            for download_id in random.sample(sorted(client.rows), 5):
                del client.rows[download_id]
                left.add(f"{client.name}/{download_id}")
        await until(lambda: _same(bus, clients), what="every table as its client is")
        told = await until(lambda: _told(bus, CLIENTS * 10, len(left)), what="every event")
    assert {subject for kind, subject in told if kind == "download.completed"} == finished
    assert {subject for kind, subject in told if kind == "download.removed"} == left
    assert set(told.values()) == {1}


async def _moved(client: FakeClient, random: Random) -> None:
    """Every download of the client goes on, and a poll has seen it."""
    for download_id in client.rows:
        client.put(download_id, done=random.randrange(1, 99), down_speed=random.randrange(1, 10**6))
    await _polled(client)


async def _polled(client: FakeClient) -> None:
    polls = client.polls
    await until(lambda: client.polls > polls + 1, what="another poll")


async def _same(bus: Bus, clients: dict[str, FakeClient]) -> bool:
    return all([await _is_told(bus, client) for client in clients.values()])


async def _is_told(bus: Bus, client: FakeClient) -> bool:
    table = await committed(bus, client.name)
    if table is None:
        return False
    kept = {row.id: (row.done, row.down_speed, row.state) for row in table.rows.values()}
    return kept == {row.id: (row.done, row.down_speed, row.state) for row in client.rows.values()}


async def _told(bus: Bus, completed: int, removed: int) -> Counter[tuple[str, str]] | None:
    events = Counter((event.type, event.subject) for event in await all_events(bus))
    kinds = Counter(kind for kind, _ in events.elements())
    return events if kinds["download.completed"] >= completed and kinds["download.removed"] >= removed else None
