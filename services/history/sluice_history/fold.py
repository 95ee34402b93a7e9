"""From the recorded events of one download to what they say of it. Pure, and indifferent to order and repetition.

An epoch is one life of a download. After the bus was wiped, the poller may name the same life anew: a first-seen epoch
(`s<ms>`) becomes a later one, a reappearance (`c<s>.<ms>`) becomes plain `c<s>`. Epochs that can stand for the same
item form a *family*; a life is open while its newest recorded epoch was not left.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

import msgspec

ADDED = "download.added"
COMPLETED = "download.completed"
REMOVED = "download.removed"
CANCELLED = "download.cancelled"
OF_A_LIFE = (ADDED, COMPLETED, REMOVED, CANCELLED)


class Fact(msgspec.Struct, frozen=True):
    """One recorded event of a download's life; `size` is the wanted bytes it spoke of."""

    type: str
    epoch: str
    time: datetime
    size: int | None = None
    name: str = ""


class Recorded(msgspec.Struct, frozen=True):
    """What is recorded of one epoch: `completed` holds the wanted bytes of each completion, `last` the newest name."""

    added: bool = False
    gone: bool = False
    completed: frozenset[int | None] = frozenset()
    last: tuple[datetime, str] | None = None


class Life(msgspec.Struct, frozen=True):
    """An open life: the epoch it was last recorded under, the sizes at which it completed, its last known name."""

    epoch: str
    completed: frozenset[int | None]
    name: str


def fold(facts: Iterable[Fact]) -> dict[str, Recorded]:
    """What is recorded of each epoch of one download."""
    epochs: dict[str, Recorded] = {}
    for fact in facts:
        epochs[fact.epoch] = step(epochs.get(fact.epoch, Recorded()), fact)
    return epochs


def step(known: Recorded, fact: Fact) -> Recorded:
    """One more fact about an epoch."""
    said = (fact.time, fact.name)
    return Recorded(
        added=known.added or fact.type == ADDED,
        gone=known.gone or fact.type in (REMOVED, CANCELLED),
        completed=known.completed | {fact.size} if fact.type == COMPLETED else known.completed,
        last=said if known.last is None else max(known.last, said),
    )


def family(epoch: str) -> str:
    """What of an epoch outlives a wiped bus: the client's own stable time, or just that there is none."""
    return "s" if epoch.startswith("s") else epoch.partition(".")[0]


def open_lives(epochs: Mapping[str, Recorded]) -> dict[str, Life]:
    """The open life of each family that has one."""
    families: dict[str, list[str]] = {}
    for epoch in sorted(epochs, key=_age):
        families.setdefault(family(epoch), []).append(epoch)
    lives = {name: _life(ordered, epochs) for name, ordered in families.items()}
    return {name: life for name, life in lives.items() if life is not None}


def _age(epoch: str) -> tuple[int, str]:
    """Orders the epochs of one family: by the milliseconds in them, none first."""
    digits = epoch[1:] if epoch.startswith("s") else epoch.partition(".")[2]
    return (int(digits) if digits.isascii() and digits.isdigit() else 0), epoch


def _life(ordered: list[str], epochs: Mapping[str, Recorded]) -> Life | None:
    """The epochs since the last that was left; an `added` among them began a new life, whatever came before it."""
    run: list[str] = []
    for epoch in ordered:
        if epochs[epoch].gone:
            run = []
        elif epochs[epoch].added:
            run = [epoch]
        else:
            run.append(epoch)
    if not run:
        return None
    completed = frozenset[int | None]().union(*(epochs[epoch].completed for epoch in run))
    last = epochs[run[-1]].last
    return Life(run[-1], completed, last[1] if last else "")
