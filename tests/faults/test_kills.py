"""Kill -9 of every part of the product, again and again, while real downloads finish."""

from __future__ import annotations

import base64
import os
import secrets
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random

import httpx
import pytest
from typing_extensions import override

from support.deluge import Deluge
from support.household import household
from support.kills import PROCESSES, Wire, counted, kill_them_all
from support.oracle import Wanted, faults
from support.product import Product, wait
from support.swarm import Swarm
from support.torrents import Torrent, make_content

pytestmark = [pytest.mark.client, pytest.mark.slow, pytest.mark.timeout(900)]
DOWNLOADS = 20
MOST = 80
KILLS = 3
WORDS = ("Amber", "Birch", "Cedar", "Delta", "Ember", "Fjord", "Grove", "Heron", "Iris", "Jade", "Karst", "Lark")


class Adder(threading.Thread):
    """Adds downloads at a steady pace, insisting whatever is down: at least DOWNLOADS, and until it is stopped.

    Half are episodes (hardlinked), half films (copied); half come as magnets, half as .torrents.
    """

    def __init__(self, product: Product, swarm: Swarm, deluge: Deluge, seeds: Path, random: Random) -> None:
        super().__init__(daemon=True)
        self.wanted: list[Wanted] = []
        self.fault: BaseException | None = None
        self._product, self._swarm, self._deluge, self._seeds, self._random = product, swarm, deluge, seeds, random
        self._enough = threading.Event()

    @override
    def run(self) -> None:
        """Add until stopped."""
        try:
            for number in range(MOST):
                if number >= DOWNLOADS and self._enough.is_set():
                    return
                self._one(number)
                self._enough.wait(self._random.uniform(0.5, 3.0))
        except BaseException as error:
            self.fault = error

    def finish(self) -> list[Wanted]:
        """Everything that was added, once the last of DOWNLOADS is."""
        self._enough.set()
        self.join(120)
        if self.fault is not None:
            raise self.fault
        assert not self.is_alive(), "adding does not end"
        return self.wanted

    def _one(self, number: int) -> None:
        series = number % 2 == 0
        size = self._random.randint(300_000, 2_000_000)
        name = (
            f"Killed.Show.S01E{number:02}.720p.mkv" if series else f"{_title(number).replace(' ', '.')}.2001.720p.mkv"
        )
        content = make_content(self._seeds, name, size)
        torrent = self._swarm.seed(content, upload_limit=int(size / self._random.uniform(1.0, 5.0)))
        film = f"{_title(number)} (2001)"
        self._insist(torrent, "tv" if series else "movies", magnet=number % 4 < 2)
        self.wanted.append(
            Wanted(
                id=torrent.id,
                source=self._deluge.download_dir / name,
                original=self._seeds / name,
                library="tv" if series else "movies",
                path=f"Killed Show/Season 01/Killed Show - S01E{number:02}.mkv" if series else f"{film}/{film}.mkv",
                method="hardlink" if series else "copy",
            )
        )

    def _insist(self, torrent: Torrent, category: str, *, magnet: bool) -> None:
        source = {"magnet": torrent.magnet} if magnet else {"torrent": base64.b64encode(torrent.data).decode()}
        body = {"client": "deluge", "category": category, **source}
        headers = {"Idempotency-Key": f"add-{torrent.id}"}

        def added() -> bool:
            try:
                answer = self._product.request("POST", "/downloads", json=body, headers=headers)
            except httpx.HTTPError:
                return False
            # A retried add may meet the download that the lost answer was about.
            assert answer.status_code < 400 or answer.status_code == 409 or answer.status_code >= 500, answer.text
            return answer.status_code < 500

        wait(added, seconds=60, what=lambda: f"an add; {self._product.said()}")


def _title(number: int) -> str:
    return f"{WORDS[number % len(WORDS)]} {WORDS[number // len(WORDS)]} Film"


@pytest.fixture
def product(own_deluge: Deluge, media: Path, data: Path) -> Iterator[Product]:
    """Sluice with one library that must hardlink and one that copies."""
    libraries = {
        "tv": {"kind": "series", "root": str(media / "tv"), "link": "require"},
        "movies": {"kind": "movies", "root": str(media / "movies"), "method": "copy", "unknown": "create"},
    }
    with Product(data, household(own_deluge, media, libraries=libraries)) as product:
        for name in libraries:
            product.post(f"/libraries/{name}/init")
        product.post("/media", {"kind": "series", "title": "Killed Show"})
        yield product


def test_every_download_is_imported_once_whoever_is_killed(
    product: Product, own_deluge: Deluge, swarm: Swarm, media: Path, tmp_path: Path
) -> None:
    """Nothing lost, nothing doubled, nothing left over: poller, importer, gateway, history, NATS and PostgreSQL killed.

    Each at least three times while a poll's commit or an import is open. SLUICE_SEED repeats a run's choices.
    """
    seed = os.environ.get("SLUICE_SEED") or secrets.token_hex(4)
    print(f"SLUICE_SEED={seed}")
    adder = Adder(product, swarm, own_deluge, tmp_path / "seeds", Random(f"{seed} adds"))
    with Wire(product, [media / "tv", media / "movies"]) as wire:
        adder.start()
        began = time.monotonic()
        kill_them_all(product, wire, Random(f"{seed} kills"), times=KILLS, within=300)
        print(f"{len(wire.kills)} kills in {time.monotonic() - began:.0f} s: {dict(counted(wire.kills))}")
        print("\n".join(f"  {kill.process} at {kill.moment}, open: {', '.join(kill.open)}" for kill in wire.kills))
    wanted = adder.finish()
    assert len(wanted) >= DOWNLOADS
    for one in wanted:
        swarm.limit(one.id, None)
        swarm.connect(one.id, own_deluge.peer_port)
    assert all(counted(wire.kills)[process] >= KILLS for process in PROCESSES), counted(wire.kills)

    wait(
        lambda: _settled(product, media, wanted),
        seconds=90,
        every=0.5,
        what=lambda: f"everything imported once; seed {seed}: {faults(product, media, wanted)} {product.logs()}",
    )
    assert faults(product, media, wanted) == [], f"seed {seed}"
    wait(lambda: product.events_on_the_bus() == _recorded(product), what="all that the bus tells, recorded once")
    queue = product.queue()
    assert {one.id for one in wanted} == set(queue)
    for row in queue.values():
        assert (row["state"], row["is_complete"], row["health"]) == ("seeding", True, "ok"), f"seed {seed}: {row}"


def _recorded(product: Product) -> list[str]:
    return sorted(row["id"] for row in product.sql("SELECT id FROM history.events"))


def _settled(product: Product, media: Path, wanted: list[Wanted]) -> bool:
    try:
        return not faults(product, media, wanted)
    except OSError:
        return False
