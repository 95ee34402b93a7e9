"""Rebuilds all work from the tables: whatever event was missed, every finished download of ours has its import.

Only tables that are certain count: caught up, and polled successfully since this reconciler started and since the
tables were last read anew. One reconciler at a time over all replicas. What frames changed is compared at once, the
whole of a table at first, after any doubt, and once a minute.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from sluice_common.bus.replica import Replica
from sluice_common.bus.statuses import Statuses
from sluice_common.contracts.frames import Applied, FrameKind, Table
from sluice_common.db.pool import Database, is_transient
from sluice_common.kit import log as logging
from sluice_common.kit.clock import SYSTEM_CLOCK, Clock
from sluice_common.kit.settings import ClientSettings
from sluice_common.model.download import Download
from sluice_importer.associate import store as associations
from sluice_importer.associate.lifecycle import step
from sluice_importer.work.bell import Bell
from sluice_importer.work.intake import store
from sluice_importer.work.intake.seen import finished_rows
from sluice_importer.work.ownership import our_categories

if TYPE_CHECKING:
    from sluice_common.db.pool import Connection

log = logging.get(__name__)

EVERY = 2.0
# A whole table is compared with the database this often, whatever frames say, in seconds.
WHOLE_EVERY = 60.0


class Reconciler:
    """Compares the tables with the database, every few seconds."""

    def __init__(
        self,
        db: Database,
        replica: Replica,
        statuses: Statuses,
        clients: Mapping[str, ClientSettings],
        work: Bell,
        outbox: Bell,
        new_id: Callable[[], str],
        clock: Clock = SYSTEM_CLOCK,
        every: float = EVERY,
    ) -> None:
        self._db = db
        self._replica = replica
        self._statuses = statuses
        self._clients = clients
        self._work = work
        self._outbox = outbox
        self._new_id = new_id
        self._clock = clock
        self._every = every
        self._since = clock.now()
        self._seen: dict[str, tuple[str, float]] = {}
        self._changed: dict[str, set[str]] = {}
        replica.on_reset.append(self._start_over)
        replica.on_frame.append(self._on_frame)

    def _start_over(self) -> None:
        """The tables were read anew: only a poll from now on confirms them."""
        self._since = self._clock.now()
        self._seen.clear()

    def _on_frame(self, client: str, applied: Applied) -> None:
        """Only while the whole table has been compared do single rows need to be remembered."""
        if client not in self._seen:
            return
        if applied.kind is FrameKind.KEY:
            del self._seen[client]
            return
        changed = (change.id for change in applied.changes if change.after is not None and change.after.is_complete)
        self._changed.setdefault(client, set()).update(changed)

    async def run(self) -> None:
        """Reconcile until cancelled."""
        while True:
            try:
                await self.once()
            except Exception as error:
                if not is_transient(error):
                    raise
                log.warning("reconciler_waits", error=type(error).__name__)
            await self._clock.sleep(self._every)

    async def once(self) -> None:
        """Look at every client whose table is certain; nothing where another reconciler is at work."""
        if not self._all_certain():
            return
        work = 0
        try:
            async with self._db.transaction() as connection:
                if not await store.try_lock(connection):
                    return
                for name, (table, polled_at) in self._all_certain().items():
                    await self._associations(connection, name, table, polled_at)
                    work += await self._imports(connection, name, table)
        except BaseException:
            self._seen.clear()  # what was looked at may not have been committed
            raise
        if work:
            self._work.ring()
            self._outbox.ring()

    def _all_certain(self) -> dict[str, tuple[Table, datetime]]:
        return {name: found for name in sorted(self._clients) if (found := self._certain(name)) is not None}

    def _certain(self, name: str) -> tuple[Table, datetime] | None:
        """The table and its last good poll, if that is newer than our start and the last replay."""
        table, status = self._replica.table(name), self._statuses.get(name)
        if not self._replica.caught_up or table is None or status is None or status.last_good_poll is None:
            return None
        return (table, status.last_good_poll) if status.last_good_poll > self._since else None

    def _news(self, name: str, table: Table) -> list[Download] | None:
        """The rows to compare, which count as compared from here on; None where nothing is to be done."""
        seen, now = self._seen.get(name), self._clock.monotonic()
        changed = self._changed.pop(name, set())
        if seen is None or seen[0] != table.incarnation or now - seen[1] >= WHOLE_EVERY:
            self._seen[name] = table.incarnation, now
            return list(table.rows.values())
        return [table.rows[download_id] for download_id in changed if download_id in table.rows] or None

    async def _imports(self, connection: Connection, name: str, table: Table) -> int:
        """Adoption and upsert in one transaction: no backlog is ever seen without its judgement."""
        client, now, incarnation = self._clients[name], self._clock.now(), table.incarnation
        rows = self._news(name, table)
        if rows is None:
            return 0
        ours = await store.associated(connection, name)
        finished = finished_rows(rows, incarnation, client, ours)
        adopted = await store.adopted(connection, name)
        fresh = our_categories(client) - (adopted.categories if adopted else frozenset())
        if adopted is None or fresh:
            await store.adopt(connection, name, our_categories(client), now)
        backlog = fresh if client.backlog == "skip" else frozenset[str]()
        work = await store.take(
            connection,
            name,
            finished,
            preexisting=lambda download: (
                (download.category or "") in backlog and ours.keys().isdisjoint(download.names)
            ),
            new_id=self._new_id,
            now=now,
        )
        if adopted is None:
            log.info("client_adopted", client=name, complete=len(finished), to_import=work)
        return work

    async def _associations(self, connection: Connection, name: str, table: Table, polled_at: datetime) -> None:
        lives, now = await associations.lives(connection, name), self._clock.now()
        rows = _rows(table, [life.download_id for life in lives])
        for life in lives:
            before, row = life, rows.get(life.download_id)
            if row is not None and row.id != life.download_id:
                before = await associations.rename(connection, name, life, row.id)
            after = step(before, row.epoch if row else None, polled_at, now)
            if after != before:
                await associations.save(connection, name, before, after)


def _rows(table: Table, ids: Sequence[str]) -> dict[str, Download]:
    """The rows of those of the downloads that the table has, under any of their names."""
    found = {one: table.rows[one] for one in ids if one in table.rows}
    wanted = set(ids) - set(found)
    if wanted:
        found |= {alias: row for row in table.rows.values() for alias in row.aliases if alias in wanted}
    return found
