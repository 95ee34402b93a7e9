"""Which of an app's items are asked for anew. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

import msgspec

# An episode's title or date can change while its series is told as before: each is asked for again after this time,
# and of those only so large a share at once.
AGAIN_AFTER = timedelta(hours=24)
SHARE_AGAIN = 0.05


class Taken(msgspec.Struct, frozen=True):
    """What was taken over of an item: the digest of what its app told, and when."""

    digest: str
    at: datetime


def due(told: Mapping[int, str], taken: Mapping[int, Taken], now: datetime) -> list[int]:
    """The ids of the items to take over: those that are new or told otherwise, then the oldest of the others.

    `told` has the digests by id.
    """
    changed = [number for number, digest in told.items() if number not in taken or taken[number].digest != digest]
    old = [number for number in _unchanged(told, changed) if now - taken[number].at >= AGAIN_AFTER]
    most = max(1, int(len(told) * SHARE_AGAIN))
    return [*changed, *sorted(old, key=lambda number: (taken[number].at, number))[:most]]


def _unchanged(told: Iterable[int], changed: Iterable[int]) -> Iterable[int]:
    known = set(changed)
    return (number for number in told if number not in known)
