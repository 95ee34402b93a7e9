"""A client that is away, or comes back and knows nothing yet, has not removed anything."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from support.deluge import Deluge
from support.household import household
from support.oracle import timelines
from support.product import Product, wait
from support.proxy import EmptyingProxy
from support.swarm import Swarm
from support.torrents import make_content

pytestmark = [pytest.mark.client, pytest.mark.slow, pytest.mark.timeout(500)]
DOWNLOADS = 4
# The ordinary hold is shorter than every fault here, so that it is not what saves the rows.
HOLD = 1.0
# Short here; SLUICE_AWAY=60 is the whole minute.
AWAY = float(os.environ.get("SLUICE_AWAY", "15"))
EMPTY = 2.0
POLL = {"fast": 0.2, "slow": 0.3, "hold": HOLD, "hold_after_reconnect": 8.0}


@contextmanager
def running(data: Path, media: Path, deluge: Deluge, swarm: Swarm, seeds: Path, url: str) -> Iterator[Product]:
    """A product that reaches its client at `url` and shows DOWNLOADS seeding torrents."""
    config = household(deluge, media, poll=POLL)
    config["clients"]["deluge"]["url"] = url
    with Product(data, config) as product:
        for number in range(DOWNLOADS):
            torrent = swarm.seed(make_content(seeds, f"Away {number}.mkv", 200_000))
            product.post("/downloads", {"client": "deluge", "magnet": torrent.magnet})
        wait(lambda: _well(product), seconds=60, what=lambda: f"seeding; {product.queue()}")
        wait(lambda: _told(product).count("download.completed") == DOWNLOADS, what="history of what is there")
        yield product


def test_a_client_that_dies_for_a_while(
    own_deluge: Deluge, swarm: Swarm, media: Path, data: Path, tmp_path: Path
) -> None:
    """Its rows stay, stale with their age; the queue names the client and why; it recovers by itself, nothing told."""
    with running(data, media, own_deluge, swarm, tmp_path / "seeds", own_deluge.url) as product:
        rows, told = product.queue(), _told(product)
        # Stopped in order: killed, Deluge 2.2 forgets what it added since it last saved, which is not what is tested.
        own_deluge.stop()
        wait(lambda: _troubles(product), seconds=20, what="the client named as troubled")
        wait(
            lambda: min(_ages(product)) >= AWAY, seconds=AWAY + 30, what=lambda: f"rows that grow old {product.queue()}"
        )
        trouble = _troubles(product)["deluge"]
        assert (trouble["health"], trouble["stale"], trouble["reason"]) == ("error", True, "unreachable")
        assert trouble["message"]
        away = product.queue()
        assert {key: row["epoch"] for key, row in away.items()} == {key: row["epoch"] for key, row in rows.items()}
        assert all(row["stale"] for row in away.values())

        own_deluge.start()
        wait(lambda: _well(product), seconds=60, what=lambda: f"recovery; {_troubles(product)} {product.queue()}")
        _past_every_hold(product)
        assert product.queue().keys() == rows.keys()
        assert _gone(_told(product)) == []
        assert _told(product).count("download.added") == told.count("download.added")


def test_a_client_that_comes_back_empty(
    own_deluge: Deluge, swarm: Swarm, media: Path, data: Path, tmp_path: Path
) -> None:
    """A list that is empty for two seconds, after an outage or out of the blue, removes nothing."""
    with (
        EmptyingProxy(own_deluge.url) as proxy,
        running(data, media, own_deluge, swarm, tmp_path / "seeds", proxy.url) as product,
    ):
        rows = product.queue()
        proxy.down = True
        wait(lambda: _troubles(product), seconds=20, what="the client missed")
        proxy.empty, proxy.down = True, False
        wait(lambda: proxy.emptied, seconds=30, what="the client back")
        _empty_for_a_while(proxy)
        _rows_come_back(product, rows, proxy)

        proxy.empty = True
        _empty_for_a_while(proxy)
        _rows_come_back(product, rows, proxy)
        assert _gone(_told(product)) == []
        assert _told(product).count("download.added") == DOWNLOADS


def _empty_for_a_while(proxy: EmptyingProxy) -> None:
    began, before = time.monotonic(), proxy.emptied
    wait(lambda: time.monotonic() - began >= EMPTY and proxy.emptied - before >= 3, what="empty lists that were read")
    proxy.empty = False


def _rows_come_back(product: Product, rows: dict[str, Any], proxy: EmptyingProxy) -> None:
    assert product.queue().keys() == rows.keys(), "rows stay while the list is empty"
    passed = proxy.lists
    wait(lambda: proxy.lists - passed >= 3 and _well(product), what=lambda: f"recovery; {_troubles(product)}")
    _past_every_hold(product)
    assert product.queue().keys() == rows.keys()


def _past_every_hold(product: Product) -> None:
    """Wait until a removal that was only held would have been told."""
    over = time.monotonic() + POLL["hold_after_reconnect"] + 2 * HOLD
    wait(lambda: time.monotonic() > over and _well(product), seconds=40, every=0.3, what="a client that stays well")


def _well(product: Product) -> bool:
    rows = product.queue().values()
    is_well = all(row["is_complete"] and not row["stale"] for row in rows)
    return len(rows) == DOWNLOADS and is_well and not _troubles(product)


def _ages(product: Product) -> list[float]:
    return [row["age_seconds"] or 0.0 for row in product.queue().values()]


def _troubles(product: Product) -> dict[str, dict[str, Any]]:
    return {client["name"]: client for client in product.get("/queue")["clients"]}


def _told(product: Product) -> list[str]:
    return [row["type"] for row in timelines(product)]


def _gone(types: list[str]) -> list[str]:
    return [kind for kind in types if kind in ("download.removed", "download.cancelled")]
