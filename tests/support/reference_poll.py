"""What a poll makes of a table, the plain way: everything is looked at, each time. The poller's must come to the same.

Kept as simple as it can be: no index, no memory but the last committed poll and the holds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime

import msgspec
from typing_extensions import override

from sluice_client_poller.holds import LARGE_COUNT, LARGE_SHARE, MIN_POLLS, HoldPolicy, Holds, Missing
from sluice_client_poller.session import Session
from sluice_client_poller.settle import settle_row, stable_part
from sluice_client_poller.ticks import LEAST, SHARE
from sluice_common.contracts.frames import Table
from sluice_common.model.download import Download


class Settled(msgspec.Struct, frozen=True):
    """A poll in the table's terms: rows by fixed id, what the client calls each of them now, and its own times."""

    rows: dict[str, Download] = {}
    names: dict[str, str] = {}
    times: dict[str, str] = {}


def settle(
    table: Table | None, polled: Iterable[Download], now: datetime, last: Settled, *, restarted: bool
) -> Settled:
    """Every polled row; of two under one identity the one that is further along."""
    known = table.rows if table else {}
    tombstones = table.tombstones if table else {}
    by_name = {name: row for row in known.values() for name in (row.id, *row.aliases)}
    settled = Settled({}, {}, {})
    for row in polled:
        base = next((by_name[name] for name in (row.id, *row.aliases) if name in by_name), None)
        same = base is not None and (
            restarted or row.epoch in ("", stable_part(base.epoch), last.times.get(base.id, ""))
        )
        found = settle_row(base, tombstones.get(row.id), row, now, same=same)
        rival = settled.rows.get(found.id)
        if rival is None or (found.done or 0) >= (rival.done or 0):
            settled.rows[found.id], settled.names[found.id], settled.times[found.id] = found, row.id, row.epoch
    return settled


def upserts(table: Table, settled: Settled) -> list[Download]:
    """The rows to write: those that differ in more than a clock that ticks."""
    return [row for row in settled.rows.values() if _is_news(table.rows.get(row.id), row)]


def _is_news(base: Download | None, row: Download) -> bool:
    if base is None or base == row:
        return base is None
    before, after = base.seeding_time, row.seeding_time
    if before is None or after is None or before > after or after - before >= max(LEAST, SHARE * before):
        return True
    return msgspec.structs.replace(row, seeding_time=before) != base


def judge(
    holds: Holds, policy: HoldPolicy, table: Table, settled: Settled, *, restarted: bool, asked: float, heard: float
) -> tuple[Holds, tuple[str, ...]]:
    """The new holds, and what is gone for good."""
    waived = [row.id for row in table.rows.values() if row.intent is not None and row.intent.accepted]
    vanished = [i for i in table.rows if i not in settled.rows]
    fresh = [i for i in vanished if i not in holds.missing and i not in waived]
    large = len(fresh) >= LARGE_COUNT and len(fresh) >= LARGE_SHARE * len(table.rows)
    quarantine = max(holds.quarantine_until, heard + policy.after_reconnect if restarted or large else 0.0)
    missing = {i: _again(holds.missing.get(i), heard) for i in vanished if i not in waived}
    growing = len(settled.rows) > holds.count
    held = asked < quarantine or (growing and holds.quarantine_until > 0)
    gone = [i for i in vanished if i in waived]
    if not held:
        gone += [i for i, m in missing.items() if m.polls >= MIN_POLLS and asked - m.since >= policy.ordinary]
    left = {i: m for i, m in missing.items() if i not in gone}
    return Holds(left, quarantine if held else 0.0, len(settled.rows)), tuple(gone)


def _again(missing: Missing | None, now: float) -> Missing:
    return Missing(now, 1) if missing is None else Missing(missing.since, missing.polls + 1)


class PlainSession(Session):
    """A session that looks at everything: `listed` gives the client's whole list as of the last poll."""

    listed: Callable[[], list[Download]]
    last = Settled()

    @override
    async def _take(self, now: datetime, asked: float) -> None:
        table = self._table.baseline
        settled = settle(table, self.listed(), now, self.last, restarted=self._restarted)
        if table is None:
            holds = Holds(count=len(settled.rows))
            await self._table.commit_keyframe(settled.rows, now)
        else:
            holds, gone = judge(
                self._holds,
                self._policy,
                table,
                settled,
                restarted=self._restarted,
                asked=asked,
                heard=self._clock.monotonic(),
            )
            await self._table.commit(upserts(table, settled), gone, now)
        self.last, self._holds, self._restarted = settled, holds, False

    @override
    def row(self, download_id: str) -> Download | None:
        rows = self._table.baseline.rows if self._table.baseline else {}
        return rows.get(download_id) or next((row for row in rows.values() if download_id in row.aliases), None)

    @override
    def client_name_of(self, row: Download) -> str:
        return self.last.names.get(row.id, row.id)

    @override
    async def settled(self, polled: Download | None) -> Download | None:
        if polled is None:
            return None
        settled_rows = settle(self._table.baseline, [polled], self._clock.now(), self.last, restarted=False)
        return next(iter(settled_rows.rows.values()))
