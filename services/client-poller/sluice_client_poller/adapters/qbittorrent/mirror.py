"""What qBittorrent's deltas add up to, and which completions it has not confirmed yet. Pure: replies in, rows out.

A mirror that raised is good for nothing: whoever holds it asks for everything and begins another.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

import msgspec

from sluice_client_poller.adapters.qbittorrent import wire
from sluice_client_poller.adapters.qbittorrent.mapping import aliases, has_metadata, is_complete, looks_the_same
from sluice_client_poller.adapters.qbittorrent.wire import Row


class Mirror:
    """The client's list. `doubtful` are the ids that turned complete by a delta, until the client itself says so.

    A delta that was lost on its way can leave a field as it was (qBittorrent's issue 24845), so that a row looks
    complete that is being moved.
    """

    def __init__(self) -> None:
        self.rows: dict[str, Row] = {}
        self.doubtful: set[str] = set()

    def drop(self, removed: Iterable[str]) -> list[str]:
        """Take out what left; those that were there."""
        left = [torrent_id for torrent_id in removed if self.rows.pop(torrent_id, None) is not None]
        self.doubtful.difference_update(left)
        return left

    def take(
        self, told: Iterable[tuple[str, msgspec.Raw]], *, whole: bool, shared: Mapping[str, Row] = MappingProxyType({})
    ) -> list[str]:
        """Merge rows of a reply (`whole`: of a full one); the ids that now look different. Raises wire.OutOfStep.

        What is the same in an older list's `shared` rows is held once.
        """
        changed = []
        for name, raw in told:
            before = self.rows.get(name)
            row = wire.merge(before, raw)
            if before is None:
                row = wire.frugal(name, row, shared.get(name))
            # The very name it had, not only an equal one: it is told anew each time, and held in many places.
            torrent_id = row.infohash_v1 if row.infohash_v1 == name else name
            self.rows[torrent_id] = row
            if before is None or not looks_the_same(before, row):
                changed.append(torrent_id)
            if not is_complete(row):
                self.doubtful.discard(torrent_id)
            elif not whole and not (before is not None and is_complete(before)):
                self.doubtful.add(torrent_id)
        return changed

    def outgrown(self, changed: Iterable[str]) -> list[str]:
        """The old names of hybrids among these, which have got their metadata and another name with it.

        4.5 says of the old one that it was removed; 5.1 never does. A magnet and a hybrid with its v1 hash are not two
        downloads: qBittorrent refuses the second as a duplicate.
        """
        names = {name for known in changed if self.rows[known].infohash_v2 for name in aliases(known, self.rows[known])}
        return sorted(name for name in names & self.rows.keys() if not has_metadata(self.rows[name]))

    def bare(self) -> list[str]:
        """The ids of the rows without metadata, sorted."""
        return sorted(known for known, row in self.rows.items() if not has_metadata(row))

    def shown(self, changed: Iterable[str], asked: Mapping[str, Row]) -> dict[str, Row]:
        """The rows to pass on, where `asked` is what the client says of the doubtful when asked for each.

        What it calls complete is complete as it says it now: a lost delta may have left an old path here. What it does
        not call complete is shown as it is said to be, and stays doubtful; what it no longer has is left for the next
        delta to take out.
        """
        rows = {torrent_id: self.rows[torrent_id] for torrent_id in changed if torrent_id in self.rows}
        for torrent_id in sorted(self.doubtful):
            row = asked.get(torrent_id)
            if row is None:
                rows.pop(torrent_id, None)
            elif is_complete(row):
                rows[torrent_id] = self.rows[torrent_id] = row
                self.doubtful.discard(torrent_id)
            else:
                rows[torrent_id] = row
        return rows

    def may_be_renamed(self, names: set[str]) -> bool:
        """Whether one of them was listed without metadata: if it is not any more, it may be a hybrid's old name."""
        return any(not has_metadata(self.rows[name]) for name in names & self.rows.keys())

    def named(self, names: set[str]) -> set[str]:
        """The ids of the rows that have one of these names as an alias: hybrids, and what has only a v2 hash."""
        return {known for known, row in self.rows.items() if row.infohash_v2 and names & set(aliases(known, row))}
