"""What the adapter last told of Transmission's list, and when the recent changes alone are enough. Pure.

"recently-active" is a window of 60 s over the daemon's clock. It misses what is no activity: a changed label, a file
that is no longer wanted, a tracker's error (3.00); hence the whole list every now and then.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b

import msgspec

from sluice_common.model.download import Download

MAX_GAP = 40.0  # seconds between two requests over which the window of 60 s still meets the one before
RECONCILE_SHARE = 0.002  # of the time is spent on whole lists
RECONCILE_LEAST = 15.0
RECONCILE_MOST = 300.0


class Moment(msgspec.Struct, frozen=True):
    """When a request was about to be sent: seconds that never go back, and the time of day in Unix seconds."""

    monotonic: float
    wall: float


class Delta(msgspec.Struct, frozen=True):
    """Rows that differ from what was told before, and the ids of those that are gone."""

    rows: tuple[Download, ...]
    removed: tuple[str, ...]


class Mirror:
    """The rows by id as they were last told, and the numbers under which the daemon knows them in this run."""

    def __init__(self) -> None:
        self._rows: dict[str, Download] = {}
        self._numbers: dict[int, str] = {}
        self._last: Moment | None = None
        self._whole_due = 0.0
        self._window: set[bytes] = set()  # digests: the lines of a window that is full would weigh as much as the rows

    def __len__(self) -> int:
        return len(self._rows)

    def forget(self) -> None:
        """A request failed, or the daemon restarted and numbers its torrents anew: only a whole list helps."""
        self._last = None
        self._window = set()

    def needs_whole(self, at: Moment) -> bool:
        """Whether the window may not reach back to the last good request, or the whole list is due anyway."""
        if self._last is None or at.monotonic >= self._whole_due:
            return True
        # A machine that slept has a time of day that ran on while its other clock stood.
        gap = max(at.monotonic - self._last.monotonic, abs(at.wall - self._last.wall))
        return gap >= MAX_GAP

    def take_whole(self, listed: Iterable[tuple[int, Download]], at: Moment, *, cost: float) -> tuple[Download, ...]:
        """Take a whole list, asked at `at` and had after `cost` seconds; all its rows."""
        self._rows, self._numbers, self._window = {}, {}, set()
        for number, row in listed:
            self._rows[row.id] = row
            self._numbers[number] = row.id
        self._last = at
        self._whole_due = at.monotonic + min(RECONCILE_MOST, max(RECONCILE_LEAST, cost / RECONCILE_SHARE))
        return tuple(self._rows.values())

    def unheard(self, lines: Iterable[msgspec.Raw]) -> list[msgspec.Raw]:
        """The raw rows of a window that were not in the one before, letter by letter: the others are known already.

        In its first minute a daemon tells every torrent as recently active, again and again (seen with 3.00).
        """
        told = [(blake2b(line, digest_size=16).digest(), line) for line in lines]
        before, self._window = self._window, {digest for digest, _ in told}
        return [line for digest, line in told if digest not in before]

    def take_delta(self, listed: Iterable[tuple[int, Download]], removed: Iterable[int], at: Moment) -> Delta:
        """Take what was recently active and not heard yet, or removed. The window tells the same thing for a minute:
        only news is told."""
        gone = self._drop(removed)
        changed = []
        for number, row in listed:
            self._numbers[number] = row.id
            if self._rows.get(row.id) != row:
                self._rows[row.id] = row
                changed.append(row)
        self._last = at
        return Delta(tuple(changed), tuple(row_id for row_id in gone if row_id not in self._rows))

    def _drop(self, removed: Iterable[int]) -> list[str]:
        """Forget these; what was added again since has another number, and its old one says nothing of it."""
        known = [(number, self._numbers.pop(number)) for number in removed if number in self._numbers]
        if not known:
            return []
        still = set(self._numbers.values())
        gone = [row_id for _, row_id in known if row_id not in still]
        for row_id in gone:
            del self._rows[row_id]
        return gone
