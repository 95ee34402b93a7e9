"""Clocks that tick without anything happening, and when they have moved far enough to be worth a write. Pure.

A seeding torrent's `seeding_time` changes with every poll. Committed as it comes, a thousand idle torrents would be
written to the disk every second for ever; left out, nobody could tell for how long one has seeded. So it is committed
with whatever else changes in its row, and alone once it moved by a minute and by a twentieth of itself.
"""

from __future__ import annotations

import msgspec

from sluice_common.model.download import Download

# Seconds, and the share of what is committed: the larger of both.
LEAST = 60
SHARE = 0.05


def only_ticked(before: Download, after: Download, committed: int | None) -> bool:
    """Whether the rows differ in nothing but a `seeding_time` that is not far from the `committed` one (seconds)."""
    if before.seeding_time == after.seeding_time:
        return before == after
    if not is_near(committed, after.seeding_time):
        return False
    return msgspec.structs.replace(after, seeding_time=before.seeding_time) == before


def is_near(committed: int | None, told: int | None) -> bool:
    """A clock that goes backwards, stops being known or becomes known is news; one that ticks on is not."""
    if committed is None or told is None:
        return committed is told
    return 0 <= told - committed < max(LEAST, SHARE * committed)
