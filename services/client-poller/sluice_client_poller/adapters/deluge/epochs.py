"""Deluge's `time_added` as an epoch, although a crash changes it. Pure: rows in, rows out, and what was seen before.

libtorrent keeps the time in its resume data, which Deluge writes when a torrent finishes or pauses, and else every
three minutes. A daemon that is killed before that loads the torrent with the time of its restart (seen with 2.2.0).
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from sluice_common.model.download import Download


class Epochs:
    """What each torrent's time was, and which epoch it stands for."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[str, str]] = {}

    def settle(self, rows: Iterable[Download], *, restarted: bool) -> tuple[Download, ...]:
        """The rows of a whole list. A time that changed over a restart is the same torrent; any other change is not."""
        settled = []
        seen = dict(self._seen) if restarted else {}  # what a restarted daemon does not list may only be late
        for row in rows:
            time, epoch = self._seen.get(row.id, (row.epoch, row.epoch))
            kept = epoch if time == row.epoch or restarted else row.epoch
            seen[row.id] = (row.epoch, kept)
            settled.append(msgspec.structs.replace(row, epoch=kept))
        self._seen = seen
        return tuple(settled)

    def known(self, row: Download) -> Download:
        """One row read between two lists, in the terms of the last one."""
        time, epoch = self._seen.get(row.id, (row.epoch, row.epoch))
        return msgspec.structs.replace(row, epoch=epoch) if time == row.epoch else row
