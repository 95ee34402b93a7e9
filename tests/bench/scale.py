"""Fleets that are polled at one interval, while a hundredth of their rows changes from one poll to the next.

CPU and memory of the services, their longest stall, and how soon after a change its frame is on the bus.
"""

from __future__ import annotations

import time
from collections.abc import Iterable

import msgspec

from bench.aside import Aside, cpu_shares
from bench.figures import SEED, Sheet, quantile
from bench.fleets import Told, add_memory, add_stalls, entries, probing, viewing
from bench.product import Installation, pids_of, start_cold
from support.product import Product

INTERVAL = 2.0  # seconds, the `interval` of every client
_LAST_FRAMES = 1.0  # seconds that what was told last is given to become a frame


class Length(msgspec.Struct, frozen=True):
    """Seconds of what a start leaves behind, of watching, and of probing."""

    settle: float = 8.0
    seconds: float = 30.0
    probed: float = 30.0


class Lateness(msgspec.Struct, frozen=True):
    """Milliseconds until frames were on the bus, since each change and since the client's answer that told it.

    `unheard` counts the changes that the client told and that no frame had.
    """

    since_change: list[float]
    since_answer: list[float]
    unheard: int


def measure(count: int, rows: int, installation: Installation, length: Length) -> Sheet:
    """`count` clients with `rows` each."""
    sheet = Sheet("scale", f"{count}-clients", rows)
    with Aside("synthetic_server", {"clients": count, "rows": rows, "seed": SEED, "interval": INTERVAL}) as fleet:
        clients = entries(fleet.next()["ports"], interval=INTERVAL)
        with installation.product({"clients": clients}) as product:
            sheet.add("cold", start_cold(product, count * rows), "s")
            with viewing(product) as viewer:
                time.sleep(length.settle)
                _costs(sheet, product, viewer, fleet, length.seconds)
                _stalls(sheet, product, length.probed)
    return sheet


def _stalls(sheet: Sheet, product: Product, seconds: float) -> None:
    with probing(product) as prober:
        prober.next()  # it has begun
        time.sleep(seconds)
        add_stalls(sheet, "watching", prober.drain())


def _costs(sheet: Sheet, product: Product, viewer: Aside, fleet: Aside, seconds: float) -> None:
    """Nobody asks the services how they are meanwhile: to answer that would be part of the cost."""
    viewer.drain()
    fleet.drain()
    pids = pids_of(product) | {"viewer": viewer.pid, "fleet": fleet.pid}
    for name, share in cpu_shares(pids, seconds).items():
        sheet.add(f"cpu_{name}", share, "% of a core")
    answers = fleet.drain() or [fleet.next()]  # of a single client and in a short look there may be none
    time.sleep(_LAST_FRAMES)
    told = viewer.drain()
    late = lateness(answers, told)
    sheet.add("frames", sum("frame" in line for line in told) / (seconds + _LAST_FRAMES), "1/s")
    sheet.add_spread("since_change", late.since_change, "ms", 99)
    sheet.add("beyond_interval", quantile(late.since_change, 0.99) - 1000 * INTERVAL, "ms")
    sheet.add_spread("since_answer", late.since_answer, "ms", 99)
    sheet.add("unheard", late.unheard, "")
    add_memory(sheet, product)


def lateness(answers: Iterable[Told], heard: Iterable[Told]) -> Lateness:
    """Each change that a client's answer told, found again in the first frame that has it."""
    framed: dict[tuple[str, str, int], float] = {}
    for line in heard:
        if "frame" in line:
            for client, row, speed in line["rows"]:
                framed.setdefault((client, row, speed), line["frame"])
    since_change, since_answer, unheard = [], [], 0
    for line in answers:
        for client, row, speed, began in line["begun"]:
            at = framed.get((client, row, speed))
            if at is None:
                unheard += 1
                continue
            since_change.append(1000 * (at - began))
            since_answer.append(1000 * (at - line["at"]))
    return Lateness(since_change, since_answer, unheard)
