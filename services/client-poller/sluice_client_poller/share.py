"""Which replica should poll how many clients. Pure.

A member counts while its key in the bucket moves on: a key lives for a while after its writer, and whoever starts
again and again under new names must not shrink everybody's share until the others give back what nobody takes.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence

import msgspec

# Seconds without a word after which a member is not counted: three looks of its own are missing by then.
SILENT_AFTER = 7.0
# So many at a time, looking anew after each: replicas that start together see each other before one has everything.
AT_A_TIME = 10


class Look(msgspec.Struct, frozen=True):
    """The bucket at one moment: each member with the revision of its last word, and who holds which client."""

    members: Mapping[str, int]
    holders: Mapping[str, str]


class Pulse(msgspec.Struct, frozen=True):
    """A member's last word, and the monotonic second at which it was first seen."""

    revision: int
    since: float


def feel(known: Mapping[str, Pulse], members: Mapping[str, int], now: float) -> dict[str, Pulse]:
    """The pulses after another look."""
    fresh = {name: Pulse(revision, now) for name, revision in members.items()}
    return {name: known[name] if _same(known.get(name), pulse) else pulse for name, pulse in fresh.items()}


def _same(before: Pulse | None, after: Pulse) -> bool:
    return before is not None and before.revision == after.revision


def living(pulses: Mapping[str, Pulse], now: float) -> frozenset[str]:
    """The members that count."""
    return frozenset(name for name, pulse in pulses.items() if now - pulse.since < SILENT_AFTER)


def quota(clients: int, members: int) -> int:
    """How many clients one of `members` replicas may hold."""
    return math.ceil(clients / max(members, 1))


def takeable(configured: Sequence[str], held: Collection[str], own: Collection[str], members: int) -> list[str]:
    """Which free clients this replica should try to take now, in order of priority."""
    room = min(quota(len(configured), members) - len(own), AT_A_TIME)
    return [client for client in configured if client not in held and client not in own][: max(room, 0)]


def has_surplus(clients: int, own: int, holders: Mapping[str, str], members: Collection[str]) -> bool:
    """Whether this replica holds more than its share while another member, one that lives, holds less than its own."""
    share, held = quota(clients, len(members)), Counter(holders.values())
    return own > share and any(held[name] < share for name in members)


def is_awaited(holders: Mapping[str, str], members: Collection[str]) -> bool:
    """Whether a lease is about to expire: its holder is not heard any more."""
    return any(holder not in members for holder in holders.values())
