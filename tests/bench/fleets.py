"""Fleets of synthetic clients with a thousand rows each, a hundredth of which moves every second.

Pages, what becomes of a frame, CPU, memory and the longest stall of the services in front of them.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import msgspec

from bench.aside import Aside, cpu_shares
from bench.figures import SEED, Sheet
from bench.pager import VIEWS
from bench.product import SERVICES, Installation, key_of, pids_of, start_cold
from bench.synthetic import FAST
from support.product import Product
from support.recorded_qbittorrent import PASSWORD, USERNAME
from support.weigh import weigh

ROWS = 1000
HOST = "127.0.0.1"
_BY_SPEED = {"sort": "-up_speed", "limit": 100}

Told = dict[str, Any]
Version = tuple[str, str, int]


class Length(msgspec.Struct, frozen=True):
    """How long to measure: rounds of pages (of every view twice), and seconds of watching."""

    pages: int = 50
    seconds: float = 20.0


def measure(count: int, rows: int, installation: Installation, length: Length) -> Sheet:
    """`count` clients with `rows` each."""
    sheet = Sheet("fleets", f"{count}-clients", rows)
    with Aside("synthetic_server", {"clients": count, "rows": rows, "seed": SEED}) as fleet:
        ports = fleet.next()["ports"]
        with installation.product({"clients": entries(ports)}) as product:
            sheet.add("cold", start_cold(product, count * rows), "s")
            _watched(sheet, product, fleet, length)
    return sheet


def entries(ports: Iterable[int], **more: object) -> dict[str, Any]:
    """The `clients` of a configuration for synthetic clients at these ports."""
    login = {"type": "qbittorrent", "username": USERNAME, "password": PASSWORD}
    return {f"c{index:03}": {"url": f"http://{HOST}:{port}", **login, **more} for index, port in enumerate(ports)}


@contextmanager
def viewing(product: Product) -> Iterator[Aside]:
    """Somebody who watches the 100 fastest rows and hears all frames; has seen the first when the block begins."""
    bus = product.nats
    assert bus.password is not None
    listening = {"url": bus.url, "user": bus.user, "password": bus.password.get_secret_value()}
    asked = {"url": product.url, "key": key_of(product), "params": _BY_SPEED, "field": "up_speed", "nats": listening}
    with Aside("viewer", asked) as viewer:
        viewer.first(lambda told: "frame" not in told)
        yield viewer


def probing(product: Product) -> Aside:
    """Whoever asks its services how they are, and sees how long that takes."""
    children = {name: child for name in SERVICES if (child := product.child(name))}
    return Aside("prober", {name: (f"http://{HOST}:{port}", pid) for name, (pid, port) in children.items()})


def _watched(sheet: Sheet, product: Product, fleet: Aside, length: Length) -> None:
    access = {"url": product.url, "key": key_of(product)}
    with viewing(product) as viewer, probing(product) as prober:
        time.sleep(min(5.0, length.seconds))  # what a start leaves behind: the first keyframes, the history's look
        viewer.drain()
        prober.drain()
        pids = pids_of(product) | {"viewer": viewer.pid, "fleet": fleet.pid}
        for name, share in cpu_shares(pids, length.seconds).items():
            sheet.add(f"cpu_{name}", share, "% of a core")
        told = viewer.drain()
        sheet.add("frames", sum("frame" in line for line in told) / length.seconds, "1/s")
        add_stalls(sheet, "watching", prober.drain())
        while not (waited := latencies(told)):  # a busy machine and a short look
            told.append(viewer.next())
        sheet.add_spread("frame_to_sse", waited, "ms", 99)
        add_memory(sheet, product)
        with Aside("pager", {**access, "pages": length.pages}) as pager:
            took = pager.next(300)
        add_stalls(sheet, "paging", prober.drain())
    for view in VIEWS:
        sheet.add_spread(f"page_{view}", took[view], "ms", 99)


def latencies(told: Iterable[Told]) -> list[float]:
    """Milliseconds from a frame to the event that holds its row, for every row that is told by both."""
    framed: dict[Version, float] = {}
    waited = []
    for line in told:
        if "frame" in line:
            at: float = line["frame"]
            framed.update(dict.fromkeys(_versions(line), at))
        else:
            waited += [1000 * (line["at"] - framed.pop(version)) for version in _versions(line) if version in framed]
    return waited


def _versions(line: Told) -> list[Version]:
    """The fastest row of each client: it is always in view, and has a speed that no row had before."""
    return [(client, row, speed) for client, row, speed in line["rows"] if speed is not None and speed >= FAST]


def add_stalls(sheet: Sheet, when: str, told: list[Told]) -> None:
    """The longest of what the prober told: until an answer was there, and what the service itself did meanwhile."""
    for name in SERVICES:
        sheet.add(f"stall_{when}_{name}", max((line["late"][name] for line in told), default=0.0), "ms")
        sheet.add(f"busy_{when}_{name}", max((line["busy"][name] for line in told), default=0.0), "ms")


def add_memory(sheet: Sheet, product: Product) -> None:
    """Of the services whose tables grow with the fleet, and of all together."""
    pids = pids_of(product)
    for name, pid in pids.items():
        sheet.add(f"memory_{name}", weigh(pid).total / 1e6, "MB")
    sheet.add("memory_all", weigh(product.pid).total / 1e6, "MB")
