"""Real clients with thousands of torrents: how soon the queue is there, how soon a change is told, what idling costs.

Beside us, on the same client: somebody who asks for the whole list once a second (`bench.asker`).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import msgspec

from bench.aside import Aside, cpu_shares
from bench.crowd import MARKED, crowded, mark, reach
from bench.figures import SEED, Sheet
from bench.product import Installation, entry, key_of, pids_of, start_cold
from support.clients import RealClient

MOST_SECONDS = 150.0  # for all samples of a change; whoever is that slow gets fewer
_LOOKS = 20
PAGE = 100  # rows that a viewer sees; what is changed is among them


class Length(msgspec.Struct, frozen=True):
    """How long to measure: samples of a change, and seconds of idling, for us and for the one beside us."""

    samples: int = 20
    idle: float = 30.0
    samples_beside: int = 10
    idle_beside: float = 12.0


def measure(kind: str, count: int, installation: Installation, directory: Path, length: Length) -> Sheet:
    """One client with `count` torrents. Raises `ClientMissing` where it is not installed."""
    sheet = Sheet("clients", kind, count)
    with crowded(kind, directory, count) as (client, ids, seconds):
        sheet.add("prepare", seconds, "s")
        _ours(sheet, client, ids, installation, length)
        _beside(sheet, client, ids, length)
    return sheet


def _ours(sheet: Sheet, client: RealClient, ids: list[str], installation: Installation, length: Length) -> None:
    with installation.product({"clients": {client.type: entry(client)}}) as product:
        sheet.add("cold", start_cold(product, len(ids)), "s")
        asked = {"url": product.url, "key": key_of(product), "params": {"limit": PAGE}, "field": MARKED[client.type]}
        with Aside("viewer", asked) as viewer:
            viewer.next()
            pids = pids_of(product) | {"client": pid_of(client)}
            _changes(sheet, client, ids[: PAGE // 2], viewer, length.samples, "change")
            for name, share in cpu_shares(pids, length.idle).items():
                sheet.add(f"cpu_{name}", share, "% of a core")


def _beside(sheet: Sheet, client: RealClient, ids: list[str], length: Length) -> None:
    login = {"username": client.username or "", "password": client.password}
    began = time.monotonic()
    with Aside("asker", {"type": client.type, "url": client.url, "n": len(ids), **login}) as asker:
        sheet.add("beside_cold", asker.next()["at"] - began, "s")
        _changes(sheet, client, ids[PAGE // 2 :], asker, length.samples_beside, "beside_change")
        pids = {"asker": asker.pid, "client": pid_of(client)}
        for name, share in cpu_shares(pids, length.idle_beside).items():
            sheet.add(f"beside_cpu_{name}", share, "% of a core")


def _changes(sheet: Sheet, client: RealClient, ids: list[str], follower: Aside, samples: int, metric: str) -> None:
    """Seconds from sending a change to the client until the follower holds it, at moments that fit no rhythm."""
    random = Random(SEED)
    http = reach(client.type, client.url, client.username or "", client.password)
    took: list[float] = []
    until = time.monotonic() + MOST_SECONDS
    for index in range(samples):
        if time.monotonic() > until:
            break
        time.sleep(0.3 + random.random())
        torrent_id = ids[index // 2 % len(ids)]
        began = time.monotonic()
        marked = mark(client.type, http, torrent_id, on=index % 2 == 0)
        told = follower.first(_tells(torrent_id, marked))
        took.append(told["at"] - began)
    http.close()
    sheet.add_spread(metric, took, "s")


def _tells(torrent_id: str, marked: str) -> Callable[[dict[str, Any]], bool]:
    return lambda told: any(row[1:] == [torrent_id, marked] for row in told["rows"])


def pid_of(client: RealClient) -> int:
    """The process that listens on the client's web port."""
    port = int(client.url.rpartition(":")[2])
    for _ in range(_LOOKS):  # the kernel's list changes while it is read, and may leave one out
        found = _listeners(port)
        if found:
            return found[0]
        time.sleep(0.1)
    raise RuntimeError(f"nobody is seen to listen on port {port}")


def _listeners(port: int) -> list[int]:
    table = Path("/proc/net/tcp").read_text().splitlines()[1:]
    wanted = {
        f"socket:[{fields[9]}]"
        for line in table
        if (fields := line.split())[3] == "0A" and fields[1].endswith(f":{port:04X}")
    }
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit() and _holds(entry, wanted)]


def _holds(process: Path, sockets: set[str]) -> bool:
    try:
        return any(str(link.readlink()) in sockets for link in (process / "fd").iterdir())
    except OSError:
        return False
