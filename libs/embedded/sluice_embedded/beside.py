"""A new cluster is made beside the one in use, and takes its place by renames: after a crash at any moment, the next
start finds either the old one in use and what was half-made removed, or finishes the renames that were decided.

The decision is the file `decided`: written, whole and synced, only when the new cluster is complete and on the disk.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import msgspec

from sluice_common.kit.clock import Clock
from sluice_embedded import orphans
from sluice_embedded.durable import remove_abandoned, sync, sync_tree
from sluice_embedded.layout import Layout, write_private

STAGED = ".beside"  # ends the names of files that are staged outside of `place`
Say = Callable[[str], None]
Step = Callable[[str], None]


def no_step(_: str) -> None:
    """Nobody listens. Tests do: every step is a moment at which a crash must do no harm."""


class Move(msgspec.Struct, frozen=True):
    """`place` is renamed to `aside`, then `staged` to `place`; paths below the data directory.

    `staged` None only puts aside; what is not there needs no putting aside.
    """

    place: str
    aside: str
    staged: str | None = None


class Decision(msgspec.Struct, frozen=True):
    """What is left to be renamed. `control` tells the old cluster of that moment from one that ran afterwards."""

    moves: tuple[Move, ...]
    control: str | None
    done: str


def place(layout: Layout) -> Path:
    """Where the new cluster is made: `data` in it."""
    return layout.postgres / "beside"


def _decided(layout: Layout) -> Path:
    return place(layout) / "decided"


async def prepare(layout: Layout, clock: Clock) -> Path:
    """An empty place for a new cluster, passable for PostgreSQL's uid as `postgres/` is; the cluster's path in it."""
    await _clear(layout, clock)
    place(layout).mkdir()
    place(layout).chmod(layout.postgres.stat().st_mode & 0o777)
    return place(layout) / "data"


def fingerprint(cluster: Path) -> str | None:
    """Of a stopped cluster; another one once a server has run on it. None where there is none."""
    try:
        return hashlib.sha256((cluster / "global" / "pg_control").read_bytes()).hexdigest()
    except FileNotFoundError:
        return None


def decide(layout: Layout, decision: Decision, step: Step) -> None:
    """Everything staged is complete: have it on the disk, then the decision. From here on there is only forward."""
    for move in decision.moves:
        if move.staged is not None:
            staged = layout.data / move.staged
            sync_tree(staged) if staged.is_dir() else sync(staged)
            sync(staged.parent)
    step("synced")
    write_private(_decided(layout), msgspec.json.encode(decision).decode())
    sync(place(layout))
    sync(layout.postgres)
    step("decided")


async def settle(layout: Layout, clock: Clock, say: Say, step: Step = no_step) -> None:
    """Finish what was decided, remove what was not. The caller holds the data directory."""
    try:
        decision = msgspec.json.decode(_decided(layout).read_bytes(), type=Decision)
    except FileNotFoundError:
        await _clear(layout, clock)
        return
    await orphans.clear(layout.postgres / "data", clock)
    if _superseded(layout, decision):
        say("A database that was made beside the old one is dropped: the old one was used meanwhile.")
    else:
        _move_all(layout, decision, step)
        say(decision.done)
    _decided(layout).unlink()
    sync(place(layout))
    step("undecided")
    await _clear(layout, clock)
    step("removed")


def _superseded(layout: Layout, decision: Decision) -> bool:
    """Whether some server ran on the old cluster after the decision: then the new one lacks what it wrote."""
    untouched = (place(layout) / "data").exists() and (layout.postgres / "data").exists()
    return untouched and fingerprint(layout.postgres / "data") != decision.control


def _move_all(layout: Layout, decision: Decision, step: Step) -> None:
    for number, move in enumerate(decision.moves):
        target, aside = layout.data / move.place, layout.data / move.aside
        if move.staged is None or (layout.data / move.staged).exists():
            _put_aside(target, aside)
            step(f"aside-{number}")
        if move.staged is not None and (layout.data / move.staged).exists():
            (layout.data / move.staged).rename(target)
            sync((layout.data / move.staged).parent)
        sync(target.parent)
        step(f"placed-{number}")


def _put_aside(target: Path, aside: Path) -> None:
    """Once: after a crash the name may be the new one's already, or somebody may have begun anew."""
    if os.path.lexists(target) and not os.path.lexists(aside):
        target.rename(aside)


async def _clear(layout: Layout, clock: Clock) -> None:
    staged = [file.with_name(file.name + STAGED) for file in (layout.config, layout.api_key)]
    for file in (*staged, *layout.secrets.glob(f"client-*-password{STAGED}*")):
        for name in (file.name, f"{file.name}.new"):
            file.with_name(name).unlink(missing_ok=True)
    if place(layout).exists():
        await orphans.clear(place(layout) / "data", clock)
        await remove_abandoned(place(layout), clock)
