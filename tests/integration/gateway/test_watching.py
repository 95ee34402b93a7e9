"""Polling is fast while somebody looks, so the gateway says when somebody does, and at what."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from nats.aio.msg import Msg

from integration.gateway.conftest import GatewayForTest, PollerForTest, row, until
from sluice_common.bus.connect import connect
from sluice_common.contracts import codec, subjects
from sluice_common.contracts.watching import Watched
from sluice_common.kit.settings import NatsSettings


@pytest.fixture
async def words(nats_settings: NatsSettings) -> AsyncIterator[list[Watched]]:
    """What a poller hears."""
    heard: list[Watched] = []

    async def listen(message: Msg) -> None:
        heard.append(codec.from_json(message.data, Watched))

    async with connect(nats_settings, name="pollers") as bus:
        await bus.nc.subscribe(subjects.WATCH, cb=listen)
        await bus.barrier()
        yield heard


async def test_an_open_stream_is_told_to_the_pollers(gateway: GatewayForTest, words: list[Watched]) -> None:
    """Nobody looking says nothing; the first event stream is told within a moment."""
    assert not words
    async with gateway.http.stream("GET", "/api/v1/queue/events") as response:
        assert response.status_code == 200
        await until(lambda: words, "a word")


async def test_pollers_hear_which_rows_are_in_sight(
    gateway: GatewayForTest, poller: PollerForTest, words: list[Watched]
) -> None:
    """Those in the window, and at once which others when it shows others; not what is below it."""
    await poller.status()
    await poller.table(row("a", name="A"), row("b", name="B"), row("c", name="C"))
    await gateway.shows(3)
    async with gateway.http.stream("GET", "/api/v1/queue/events", params={"sort": "name", "limit": 2}) as response:
        assert response.status_code == 200
        await until(lambda: words and words[-1].rows == {"deluge": ("a", "b")}, "the rows in the window")
        await poller.change(row("a", name="Z"))
        await until(lambda: words[-1].rows == {"deluge": ("b", "c")}, "the rows that are there now")
    assert len({word.gateway for word in words}) == 1
