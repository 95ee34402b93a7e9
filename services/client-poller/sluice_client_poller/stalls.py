"""Which downloads have stopped getting anywhere. Pure: what was seen and when goes in, who stalls comes out.

A clock per download counts the seconds in which nothing came. It runs only between two looks that both saw the download
downloading (or waiting for its metadata) while the client was connected and its speed limit left something over: a
night in which the client was away, paused or throttled is not the torrent's fault. Whatever comes sets it back to zero.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from sluice_common.model.download import Download
from sluice_common.model.enums import Reason, State

TRIES = (State.DOWNLOADING, State.FETCHING_METADATA)


class Clock(msgspec.Struct, frozen=True, gc=False):
    """Of one download: how far it was, and for how many seconds it has been no further."""

    done: int | None
    state: State
    quiet: float = 0.0


class Stalls:
    """The clocks of one client's downloads; `grace` is after how many seconds one counts as stalled."""

    def __init__(self, grace: float) -> None:
        self._grace = grace
        self._clocks: dict[str, Clock] = {}
        self._looked_at: float | None = None

    def look(self, tried: Iterable[tuple[Download, Download]], *, at: float, runs: bool) -> set[str]:
        """What is tried, each as it is in the table and as it is said to be now, at `at` (monotonic seconds); the ids
        of which the verdict changed.

        `runs` says that the client is connected and not throttled. A row that the table calls stalled is, until
        something comes: whoever takes a client over does not give it another grace.
        """
        passed = at - self._looked_at if runs and self._looked_at is not None else 0.0
        before, self._clocks = self._clocks, {}
        for known, row in tried:
            clock = before.get(known.id)
            self._clocks[known.id] = _ticked(clock, row, passed) if clock else _ticked(self._begun(known), row, 0.0)
        self._looked_at = at if runs else None
        return {
            download_id
            for download_id in before.keys() | self._clocks.keys()
            if self._is_over(before.get(download_id)) != self._is_over(self._clocks.get(download_id))
        }

    def interrupt(self) -> None:
        """The client could not be asked: the time until the next look counts for nobody."""
        self._looked_at = None

    def is_stalled(self, download_id: str) -> bool:
        """Whether nothing came for longer than the grace."""
        return self._is_over(self._clocks.get(download_id))

    def quiet_for(self, seconds: float) -> list[str]:
        """The ids of the downloads for which nothing came for that long, the grace at least."""
        least = max(seconds, self._grace)
        return [download_id for download_id, clock in self._clocks.items() if clock.quiet >= least]

    def _begun(self, known: Download) -> Clock:
        return Clock(known.done, known.state, self._grace if known.reason == Reason.STALLED else 0.0)

    def _is_over(self, clock: Clock | None) -> bool:
        return clock is not None and clock.quiet >= self._grace


def _ticked(clock: Clock, row: Download, passed: float) -> Clock:
    """The clock after `passed` more seconds; a new one where something came."""
    if row.down_speed or (clock.done, clock.state) != (row.done, row.state):
        return Clock(row.done, row.state)
    return msgspec.structs.replace(clock, quiet=clock.quiet + passed)
