"""From "finished" in a real client to the file in the library: small real downloads from a swarm on loopback.

"Finished" is the first answer of the client, asked directly every 20 ms, in which every byte is verified and in place.
"In the library" is the first look, every 5 ms, that finds the hardlink.
"""

from __future__ import annotations

import base64
import threading
import time
from pathlib import Path
from typing import Any

import httpx

from bench.crowd import reach
from bench.figures import Sheet
from bench.product import Installation, entry, start_cold
from support.clients import RealClient
from support.product import Product
from support.qbittorrent import Qbittorrent
from support.swarm import Swarm
from support.torrents import Torrent, make_content

SIZE = 1_000_000
PATIENCE = 120.0
_AT_REST = {"uploading", "stalledUP", "forcedUP", "queuedUP", "pausedUP", "stoppedUP"}


def measure(count: int, installation: Installation, directory: Path) -> Sheet:
    """`count` films, one after another. Raises `ClientMissing` without qBittorrent."""
    sheet = Sheet("finished", "qbittorrent", count)
    library = directory / "media"
    library.mkdir()
    (directory / "client").mkdir()
    with Qbittorrent(directory / "client") as client, Swarm() as swarm:
        config = {
            "clients": {"qbittorrent": entry(client) | {"owners": {"movies": "sluice"}}},
            "libraries": {"movies": {"kind": "movies", "root": str(library), "link": "require"}},
        }
        with installation.product(config) as product:
            start_cold(product, 0)
            product.post("/libraries/movies/init")
            product.await_clients()
            took = [_one(product, client, swarm, directory, number) for number in range(count)]
    sheet.add_spread("finished_to_linked", took, "s", 99)
    return sheet


def _one(product: Product, client: RealClient, swarm: Swarm, directory: Path, number: int) -> float:
    title, year = f"Bench Film {number}", 2000
    torrent = swarm.seed(make_content(directory / "seed", f"Bench.Film.{number}.{year}.1080p.mkv", SIZE))
    product.post("/media", {"kind": "movie", "title": title, "year": year})
    name = f"{title} ({year})"
    linked: list[float] = []
    looking = threading.Thread(target=_look, args=(directory / "media" / name / f"{name}.mkv", linked), daemon=True)
    looking.start()
    body = {"client": client.type, "torrent": base64.b64encode(torrent.data).decode(), "category": "movies"}
    product.post("/downloads", body)
    http = reach(client.type, client.url, client.username or "", client.password)
    finished = _finished(http, torrent)
    http.close()
    looking.join(PATIENCE)
    if not linked:
        raise TimeoutError(f"{name} is not in the library; {product.imports()}")
    return linked[0] - finished


def _finished(http: httpx.Client, torrent: Torrent) -> float:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        rows: list[dict[str, Any]] = http.get("/torrents/info", params={"hashes": torrent.id}).json()
        at = time.monotonic()
        if rows and rows[0]["progress"] == 1 and rows[0]["size"] > 0 and rows[0]["state"] in _AT_REST:
            return at
        time.sleep(0.02)
    raise TimeoutError(f"{torrent.name} is not finished")


def _look(target: Path, linked: list[float]) -> None:
    deadline = time.monotonic() + 2 * PATIENCE
    while time.monotonic() < deadline:
        if target.exists():
            linked.append(time.monotonic())
            return
        time.sleep(0.005)
