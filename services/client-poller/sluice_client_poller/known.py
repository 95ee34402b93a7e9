"""What has to be found in a committed table without looking at every row: names, intents, what moves. Pure.

Kept up by the changes that are committed; only a new baseline is read as a whole.
"""

from __future__ import annotations

from collections.abc import Iterable

from sluice_client_poller.pace import moves
from sluice_client_poller.stalls import TRIES
from sluice_common.contracts.frames import Change
from sluice_common.model.download import Download


class Known:
    """Indexes over the rows of one table. A row answers to its id and to its aliases.

    `leaving` are the ids of rows with an intent, `moving` of those that are worth looking at often, `trying` of those
    that are downloading, or would be if anybody gave them anything.
    """

    def __init__(self, rows: Iterable[Download] = ()) -> None:
        self.leaving: set[str] = set()
        self.moving: set[str] = set()
        self.trying: set[str] = set()
        self._places: dict[str, int] = {}
        self._next = 0
        # Only of aliases: that a row answers to its id needs no index.
        self._aliases: dict[str, set[str]] = {}
        for row in rows:
            self.step(Change(None, row))

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, download_id: str) -> bool:
        return download_id in self._places

    def place(self, download_id: str) -> int:
        """Where the row stands among the others, which are ordered by when they came."""
        return self._places[download_id]

    def owner(self, name: str) -> str | None:
        """The id of the row that answers to the name; of several, the one that came last."""
        claims = self._claims(name)
        return max(claims, key=self.place) if claims else None

    def alias_of(self, name: str) -> str | None:
        """The id of the row that has this alias; of several, the one that came first."""
        return min(self._aliases.get(name, ()), key=self.place, default=None)

    def _claims(self, name: str) -> set[str]:
        own = {name} if name in self._places else set()
        aliases = self._aliases.get(name)
        return own | aliases if aliases else own

    def step(self, change: Change) -> set[str]:
        """A committed change of one row; the names for which another row may answer now."""
        before, after = change.before, change.after
        _mark(self.leaving, change.id, present=after is not None and after.intent is not None)
        _mark(self.moving, change.id, present=after is not None and moves(after))
        _mark(self.trying, change.id, present=after is not None and after.state in TRIES)
        if before is not None and after is not None and before.aliases == after.aliases:
            return set()
        if after is None:
            del self._places[change.id]
        elif change.id not in self._places:
            self._places[change.id] = self._next
            self._next += 1
        return self._rename(change.id, names(before), names(after))

    def _rename(self, download_id: str, old: set[str], new: set[str]) -> set[str]:
        for alias in old - new - {download_id}:
            self._release(alias, download_id)
        for alias in new - old - {download_id}:
            self._aliases.setdefault(alias, set()).add(download_id)
        return old ^ new

    def _release(self, alias: str, download_id: str) -> None:
        rest = self._aliases[alias]
        rest.discard(download_id)
        if not rest:
            del self._aliases[alias]


def names(row: Download | None) -> set[str]:
    """Every name that the row answers to."""
    return {row.id, *row.aliases} if row is not None else set()


def _mark(marked: set[str], download_id: str, *, present: bool) -> None:
    if present:
        marked.add(download_id)
    else:
        marked.discard(download_id)
