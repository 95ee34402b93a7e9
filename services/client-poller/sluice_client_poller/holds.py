"""Which vanished rows are really gone. Pure: a client that stumbles must not look like one that removed everything."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import msgspec

# A poll that loses this share of the table, and at least this many rows, is treated like a client's restart.
LARGE_SHARE = 0.2
LARGE_COUNT = 3
MIN_POLLS = 2


class Missing(msgspec.Struct, frozen=True):
    """Since when (monotonic seconds) and in how many complete polls a row has not been there."""

    since: float
    polls: int


class HoldPolicy(msgspec.Struct, frozen=True):
    """Seconds: how long any removal is held, and how long after a reconnect every one is."""

    ordinary: float = 10.0
    after_reconnect: float = 60.0


class Holds(msgspec.Struct, frozen=True):
    """What is being held, until when everything is, and how long the list was last time."""

    missing: dict[str, Missing] = {}
    quarantine_until: float = 0.0
    count: int = 0


def judge(
    holds: Holds,
    policy: HoldPolicy,
    *,
    known: int,
    seen: int,
    vanished: Sequence[str],
    waived: Collection[str],
    restarted: bool,
    asked: float,
    heard: float,
) -> tuple[Holds, tuple[str, ...]]:
    """The new holds and the ids that are gone for good. Costs what vanished, not what is there.

    `known` is how many rows the table has, `seen` how many this complete poll has, `vanished` the table's ids that are
    not among them, `waived` those whose remove the client accepted.

    An answer is of some moment between when it was `asked` for and when it was `heard`: whoever slept in between hears
    of a flicker long after it. So a row is missing from when that was first heard, until it was last asked for.
    """
    fresh = [i for i in vanished if i not in holds.missing and i not in waived]
    large = len(fresh) >= LARGE_COUNT and len(fresh) >= LARGE_SHARE * known
    quarantine = max(holds.quarantine_until, heard + policy.after_reconnect if restarted or large else 0.0)
    missing = {i: _again(holds.missing.get(i), heard) for i in vanished if i not in waived}
    growing = seen > holds.count
    held = asked < quarantine or (growing and holds.quarantine_until != 0)
    gone = dict.fromkeys(i for i in vanished if i in waived)
    if not held:
        gone |= {i: None for i, m in missing.items() if m.polls >= MIN_POLLS and asked - m.since >= policy.ordinary}
    left = {i: m for i, m in missing.items() if i not in gone}
    return Holds(left, quarantine if held else 0.0, seen), tuple(gone)


def _again(missing: Missing | None, now: float) -> Missing:
    return Missing(now, 1) if missing is None else Missing(missing.since, missing.polls + 1)
