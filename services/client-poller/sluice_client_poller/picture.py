"""What one client last said, matched with its table: a poll costs what it changes, whole or a delta. Pure.

`hear` takes a poll at once, so that nothing of a delta is lost when the bus fails right after it. What it touched is
settled again by every `plan` until `committed` says that it is in the table. Whatever else could change what a row
settles to touches it too: another baseline (`rebase`), a row that begins or ceases to answer to one of its names, an
intent that may have run out.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec

from sluice_client_poller.adapters.port import Poll
from sluice_client_poller.known import Known
from sluice_client_poller.settle import is_further, is_same, settle_row
from sluice_client_poller.stalls import TRIES, Stalls
from sluice_client_poller.ticks import only_ticked
from sluice_common.contracts.frames import Change, Table
from sluice_common.kit.settings import PollSettings
from sluice_common.model.download import Download
from sluice_common.model.enums import Health, Reason


class _Said(msgspec.Struct, gc=False):
    """A row as the client last said it, where it stands in the client's list, and which id of the table it has."""

    row: Download
    place: int
    of: str


class Plan(msgspec.Struct, frozen=True):
    """What to commit, and what the client then has told of each settled id: its name for it and its time."""

    upserts: tuple[Download, ...]
    told: dict[str, tuple[str, str] | None]


class Picture:
    """One client's. `table` is the baseline: the very object that is committed to, or what a writer remembers of it.

    `stalls` judges what gets no further; in its own words a client says so, if at all, by rules of its own.
    """

    def __init__(self, table: Table | None = None, stalls: Stalls | None = None) -> None:
        self.table = table
        self.stalls = stalls or Stalls(PollSettings().stalled_after)
        self.known = Known(table.rows.values() if table else ())
        self._said: dict[str, _Said] = {}
        self._carriers: dict[str, set[str]] = {}
        self._members: dict[str, tuple[str, ...]] = {}
        self._touched: set[str] = set()
        self._unseen: set[str] = set(table.rows) if table else set()
        self._told: dict[str, tuple[str, str]] = {}
        self._places = 0

    # What is there.

    @property
    def count(self) -> int:
        """How many rows the client has."""
        return len(self._said)

    @property
    def seen(self) -> int:
        """How many ids of the table, or that will be, the client has."""
        return len(self._members)

    @property
    def unsettled(self) -> int:
        """How many ids the next plan settles."""
        return len(self._touched)

    @property
    def vanished(self) -> list[str]:
        """The table's ids that the client does not have, in the table's order."""
        return sorted(self._unseen, key=self.known.place)

    @property
    def waived(self) -> set[str]:
        """The ids whose remove the client accepted."""
        rows = ((download_id, self._base(download_id)) for download_id in self.known.leaving)
        return {download_id for download_id, row in rows if row and row.intent and row.intent.accepted}

    def row(self, name: str) -> Download | None:
        """The committed row with this id, or the first with this alias."""
        return self._base(name) or self._base(self.known.alias_of(name) or name)

    def client_name_of(self, download_id: str) -> str:
        """What the client itself called this row in the last committed poll that had it."""
        told = self._told.get(download_id)
        return told[0] if told else download_id

    def settled(self, polled: Download, now: datetime) -> Download:
        """A row just read from the client, in the table's terms; it counts for nothing else."""
        return self._settle(self._resolve(polled), polled, now, restarted=False)

    # What the client says.

    def hear(self, poll: Poll) -> None:
        """Take what a poll said."""
        if poll.whole:
            rows = _once(poll.rows)
            for name in self._said.keys() - rows.keys():
                self._forget(name)
            for place, row in enumerate(rows.values()):
                self._take(row).place = place
            self._places = len(rows)
            return
        for name in poll.removed:
            self._forget(name)
        for row in poll.rows:
            self._take(row)

    def _take(self, row: Download) -> _Said:
        said = self._said.get(row.id)
        if said is None:
            said = self._said[row.id] = _Said(row, self._places, self._resolve(row))
            self._places += 1
            self._carry(row, ())
            self._join(row.id, said.of)
            return said
        before, said.row = said.row, row
        if before is row or before == row:
            return said
        if before.aliases != row.aliases:
            self._carry(row, before.aliases)
            self._assign(row.id, said)
        if said.of not in self._touched and not self._only_ticked(said.of, before, row):
            self._touched.add(said.of)
        return said

    def _only_ticked(self, download_id: str, before: Download, after: Download) -> bool:
        base = self._base(download_id)
        return base is not None and only_ticked(before, after, base.seeding_time)

    def _forget(self, name: str) -> None:
        said = self._said.pop(name, None)
        if said is not None:
            self._drop(name, said.row.aliases)
            self._leave(name, said.of)

    def _carry(self, row: Download, before: Iterable[str]) -> None:
        self._drop(row.id, before)
        for alias in row.aliases:
            self._carriers.setdefault(alias, set()).add(row.id)

    def _drop(self, name: str, aliases: Iterable[str]) -> None:
        for alias in aliases:
            carriers = self._carriers.get(alias, set())
            carriers.discard(name)
            if not carriers:
                self._carriers.pop(alias, None)

    def watch_for_stalls(self, at: float, *, runs: bool) -> None:
        """Let the clocks of what is tried tick to `at` (monotonic seconds); see Stalls.look."""
        tried = (
            (known, self._said[members[0]].row)
            for download_id in self.known.trying
            if (known := self._base(download_id)) and (members := self._members.get(download_id))
        )
        self._touched |= self.stalls.look(tried, at=at, runs=runs) & self._members.keys()

    # Which row of the table it is.

    def _resolve(self, row: Download) -> str:
        owners = (self.known.owner(name) for name in (row.id, *row.aliases))
        return next((owner for owner in owners if owner is not None), row.id)

    def _assign(self, name: str, said: _Said) -> None:
        """Find the row's id again, and touch it if that is another one."""
        download_id = self._resolve(said.row)
        if said.of != download_id:
            self._leave(name, said.of)
            said.of = download_id
            self._join(name, download_id)

    def _join(self, name: str, download_id: str) -> None:
        self._members[download_id] = (*self._members.get(download_id, ()), name)
        self._unseen.discard(download_id)
        self._touched.add(download_id)

    def _leave(self, name: str, download_id: str) -> None:
        rest = tuple(member for member in self._members[download_id] if member != name)
        self._touched.add(download_id)
        if rest:
            self._members[download_id] = rest
            return
        del self._members[download_id]
        if download_id in self.known:
            self._unseen.add(download_id)

    # What becomes of it.

    def plan(self, now: datetime, *, restarted: bool) -> Plan:
        """Every touched row settled: with its fixed id, its epoch, its first sight and its intent."""
        upserts: list[Download] = []
        told: dict[str, tuple[str, str] | None] = {}
        for download_id, members in self._pending():
            if not members:
                told[download_id] = None
                continue
            row, said = self._winner(download_id, members, now, restarted=restarted)
            told[download_id] = said.id, said.epoch
            base = self._base(download_id)
            if base is None or not only_ticked(base, row, base.seeding_time):
                upserts.append(row)
            else:
                self._hold_once(base, row)
        return Plan(tuple(upserts), told)

    def _hold_once(self, base: Download, row: Download) -> None:
        """Put in the table's row's place an equal one that shares its texts with what the client said.

        After a take-over the table was read from the bus and has all texts a second time: 100 MB of 100,000 rows.
        """
        assert self.table is not None
        self.table.rows[base.id] = msgspec.structs.replace(row, seeding_time=base.seeding_time)

    def _pending(self) -> list[tuple[str, list[_Said]]]:
        """The touched ids with the rows that have them, in the client's order."""
        ids = self._touched | self.known.leaving
        found = [(i, sorted(map(self._said.__getitem__, self._members.get(i, ())), key=_place)) for i in ids]
        return sorted(found, key=lambda one: one[1][0].place if one[1] else -1)

    def _winner(
        self, download_id: str, members: Sequence[_Said], now: datetime, *, restarted: bool
    ) -> tuple[Download, Download]:
        """The settled row of this id, and the client's row that it is."""
        best: tuple[Download, Download] | None = None
        for said in members:
            row = self._settle(download_id, said.row, now, restarted=restarted)
            if best is None or is_further(row, best[0]):
                best = row, said.row
        assert best is not None
        return best

    def _settle(self, download_id: str, polled: Download, now: datetime, *, restarted: bool) -> Download:
        base = self._base(download_id)
        told = self._told.get(download_id)
        same = is_same(base, polled, told[1] if told else "", restarted=restarted)
        tombstone = self.table.tombstones.get(polled.id) if self.table else None
        row = settle_row(base, tombstone, polled, now, same=same)
        if row.health == Health.OK and row.state in TRIES and self.stalls.is_stalled(download_id):
            return msgspec.structs.replace(row, health=Health.WARNING, reason=Reason.STALLED)
        return row

    def _base(self, download_id: str) -> Download | None:
        return self.table.rows.get(download_id) if self.table else None

    def committed(self, changes: Iterable[Change], plan: Plan | None = None) -> None:
        """The changes are in the table, and with them the plan, if they are its."""
        if plan is not None:
            self._tell(plan)
            self._touched.clear()
        concerned: set[str] = set()
        for change in changes:
            concerned |= self.known.step(change)
            if change.after is None:
                self._unseen.discard(change.id)
        for name in concerned:
            for carrier in {name, *self._carriers.get(name, ())} & self._said.keys():
                self._assign(carrier, self._said[carrier])

    def _tell(self, plan: Plan) -> None:
        for download_id, told in plan.told.items():
            if told is None:
                self._told.pop(download_id, None)
            else:
                self._told[download_id] = told

    def rebase(self, table: Table | None) -> None:
        """Another baseline: a take-over, a refusal, a lost stream. Everything is compared anew; what the client told
        in the last committed poll still counts."""
        self.table = table
        self.known = Known(table.rows.values() if table else ())
        self._members.clear()
        self._unseen = set(table.rows) if table else set()
        self._touched = set(self._told)
        for name, said in self._said.items():
            said.of = self._resolve(said.row)
            self._join(name, said.of)


def _place(said: _Said) -> int:
    return said.place


def _once(rows: Iterable[Download]) -> dict[str, Download]:
    """By the client's own name; of two that have the same, the one that is further along."""
    once: dict[str, Download] = {}
    for row in rows:
        rival = once.get(row.id)
        if rival is None or is_further(row, rival):
            once[row.id] = row
    return once
