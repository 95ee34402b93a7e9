"""Real clients full of torrents in which nothing happens: what that costs the poller, and the client itself.

Each is polled every two seconds by its `interval`; one that is slow to say what changed also with the defaults.
"""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from itertools import pairwise
from pathlib import Path
from statistics import median

import msgspec

from bench.aside import Aside, cpu_of, used_by
from bench.clients import PAGE, pid_of
from bench.crowd import MARKED, crowded
from bench.figures import Sheet
from bench.product import Installation, entry, key_of, pids_of, start_cold
from bench.scale import INTERVAL
from support import client_root, qbittorrent, transmission
from support.clients import RealClient
from support.launched import installed
from support.product import Product

Paces = Mapping[str, Mapping[str, float]]

FIXED: Paces = {"fixed": {"interval": INTERVAL}}
PACES: Paces = {**FIXED, "default": {}}
_PROGRAMS = {
    "qbittorrent": (qbittorrent.PROGRAM, qbittorrent.PACKAGE),
    "transmission": (transmission.PROGRAM, transmission.PACKAGE),
}
_PARTS = 15  # of a look: about one poll in each
_LOOK = 0.25  # seconds
_WORKS = 0.2  # of a core: a client that answers a poll of 10,000 torrents by comparing them all
_RESTS = 0.1
_STILL = 3.0  # seconds
_IDLES = 0.01


class Subject(msgspec.Struct, frozen=True):
    """A kind of client, and what it is configured with at each pace.

    `newer` is the one of `make trixie`; of one that is `slow` each poll is much work for it. For so many seconds after
    it was `loaded` it calls everything active, so that nothing of it idles.
    """

    kind: str
    paces: Paces
    newer: bool
    slow: bool
    loaded: float = 0.0


SUBJECTS = (
    Subject("qbittorrent", FIXED, newer=True, slow=False),
    Subject("transmission", FIXED, newer=True, slow=False, loaded=60.0),
    Subject("qbittorrent", PACES, newer=False, slow=True),
)


class Length(msgspec.Struct, frozen=True):
    """Seconds: until the client is done with what it was given, at most; what a start leaves behind; until somebody's
    coming is over; of each look; and of the longest pause between two polls."""

    rest: float = 90.0
    settle: float = 12.0
    settle_watched: float = 5.0
    seconds: float = 30.0
    pause: float = 13.0


def version_of(kind: str, root: Path | None) -> str:
    """What the program of this machine, or of that folder, says of itself. Raises `ClientMissing`."""
    with clients_of(root):
        ran = subprocess.run(
            [*installed(*_PROGRAMS[kind]), "--version"], capture_output=True, text=True, env=_environ(), check=True
        )
    found = re.search(r"\d+(\.\d+)+", ran.stdout + ran.stderr)  # Transmission tells it on the second
    if found is None:
        raise RuntimeError(f"{kind} does not tell its version: {ran.stdout}{ran.stderr}")
    return found[0]


@contextmanager
def clients_of(root: Path | None) -> Iterator[None]:
    """Within it launchers take the clients of that folder; of this machine where it is None."""
    before = os.environ.pop(client_root.VARIABLE, None)
    if root is not None:
        os.environ[client_root.VARIABLE] = str(root)
    try:
        yield
    finally:
        os.environ.pop(client_root.VARIABLE, None)
        if before is not None:
            os.environ[client_root.VARIABLE] = before


def measure(
    subject: Subject, root: Path | None, sheet: Sheet, length: Length, installation: Installation, directory: Path
) -> Sheet:
    """One client of that folder or this machine, at each pace: while nobody watches, and while somebody does."""
    with ExitStack() as stack:
        with clients_of(root):
            client, ids, seconds = stack.enter_context(crowded(subject.kind, directory, sheet.n))
        sheet.add("prepare", seconds, "s")
        await_rest(pid_of(client), length.rest)
        time.sleep(min(subject.loaded, length.rest))
        for pace, settings in subject.paces.items():
            config = {"clients": {subject.kind: {**entry(client), **settings}}}
            with installation.product(config) as product:
                start_cold(product, len(ids))
                _costs(sheet, pace, product, client, length, length.pause if subject.slow else 0.0)
    return sheet


def _costs(sheet: Sheet, pace: str, product: Product, client: RealClient, length: Length, pause: float) -> None:
    pids = pids_of(product) | {"client": pid_of(client)}
    time.sleep(length.settle)
    await_poll(pids["client"], pause)
    _add(sheet, f"{pace}_alone", spent(pids, length.seconds, pause))
    asked = {"url": product.url, "key": key_of(product), "params": {"limit": PAGE}, "field": MARKED[client.type]}
    with Aside("viewer", asked) as viewer:
        viewer.next()
        time.sleep(length.settle_watched)
        await_poll(pids["client"], pause)
        _add(sheet, f"{pace}_watched", spent(pids, length.seconds, pause))


def _add(sheet: Sheet, when: str, shares: Mapping[str, float]) -> None:
    for name, share in shares.items():
        sheet.add(f"{when}_{name}", share, "% of a core")


def spent(pids: Mapping[str, int], seconds: float, pause: float) -> dict[str, float]:
    """Percent of a core that each process uses, from the end of a poll to the end of another.

    `pause` is the longest time between two polls that are much work for the client; 0 where they are none, and it does
    not matter when the look ends. One such poll more or less would change the figure by a quarter.
    `steady` is the poller's in the middle one of some parts of that time: without a whole list that fell into it.
    """
    before, began = {name: cpu_of(pid) for name, pid in pids.items()}, time.monotonic()
    used = [used_by(pids["client-poller"])]
    for _ in range(_PARTS):
        time.sleep(seconds / _PARTS)
        used.append(used_by(pids["client-poller"]))
    await_poll(pids["client"], pause)
    took = time.monotonic() - began
    steady = median(later - earlier for earlier, later in pairwise(used)) / (seconds / _PARTS)
    return {name: 100 * (cpu_of(pid) - before[name]) / took for name, pid in pids.items()} | {"steady": 100 * steady}


def await_poll(pid: int, within: float) -> None:
    """Return when the client rests after much work, or did none in so many seconds."""
    works, used, deadline = False, cpu_of(pid), time.monotonic() + within
    while time.monotonic() < deadline:
        time.sleep(_LOOK)
        before, used = used, cpu_of(pid)
        share = (used - before) / _LOOK
        if works and share < _RESTS:
            return
        works = works or share > _WORKS


def await_rest(pid: int, within: float) -> None:
    """Return when the client does nothing: qBittorrent still writes down what it was given when it lists it."""
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        used = cpu_of(pid)
        time.sleep(_STILL)
        if cpu_of(pid) - used <= _IDLES * _STILL:
            return


def _environ() -> dict[str, str]:
    return {**os.environ, **client_root.environment(), "QT_QPA_PLATFORM": "offscreen"}
