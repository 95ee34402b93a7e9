"""`download.completed` events as imports. The event is a hint: where the table shows the download, the table counts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

import msgspec

from sluice_common.bus.consume import Poison
from sluice_common.bus.replica import Replica
from sluice_common.contracts.events import DownloadData, Event
from sluice_common.db.pool import Database, is_transient
from sluice_common.kit import log as logging
from sluice_common.kit.clock import SYSTEM_CLOCK, Clock
from sluice_common.kit.settings import ClientSettings
from sluice_importer.work.bell import Bell
from sluice_importer.work.intake import store
from sluice_importer.work.intake.decide import Finished
from sluice_importer.work.intake.seen import finished_row, is_possible
from sluice_importer.work.ownership import is_ours

log = logging.get(__name__)

_PATIENCE = 0.3
_LOOK, _LOOKS = 0.05, 20


class Completions:
    """Handles batches of completion events; what it returns from is committed."""

    def __init__(
        self,
        db: Database,
        replica: Replica,
        clients: Mapping[str, ClientSettings],
        work: Bell,
        outbox: Bell,
        new_id: Callable[[], str],
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._db = db
        self._replica = replica
        self._clients = clients
        self._work = work
        self._outbox = outbox
        self._new_id = new_id
        self._clock = clock

    async def handle(self, events: Sequence[Event]) -> None:
        """Upsert an import for each of our downloads that completed; waits for the table and for the database."""
        while not self._replica.caught_up:
            await self._clock.sleep(_PATIENCE)
        by_client: dict[str, list[tuple[DownloadData, datetime]]] = defaultdict(list)
        for event in events:
            data = _read(event)
            client = self._clients.get(data.client)
            if client is not None and is_ours(client, data.category):
                by_client[data.client].append((data, event.time))
        for name, told in sorted(by_client.items()):
            await self._shown(name, max(time for _, time in told))
            while not await self._took(name, told):
                await self._clock.sleep(_PATIENCE)

    async def _shown(self, client: str, time: datetime) -> None:
        """Give the table a moment to show the frame that the event tells of: an event's time is its frame's."""
        for _ in range(_LOOKS):
            table = self._replica.table(client)
            if table is None or table.polled_at >= time:
                return
            await self._clock.sleep(_LOOK)

    async def _took(self, client: str, told: Sequence[tuple[DownloadData, datetime]]) -> bool:
        """False while the database cannot be reached: no event is refused for that."""
        try:
            await self._take(client, told)
        except Exception as error:
            if not is_transient(error):
                raise
            log.warning("completions_wait", error=type(error).__name__)
            return False
        return True

    async def _take(self, client: str, told: Sequence[tuple[DownloadData, datetime]]) -> None:
        async with self._db.transaction() as connection:
            await store.lock(connection)
            adopted = await store.adopted(connection, client)
            # A client that was never judged is judged by the reconciler, with all that is in its table.
            if adopted is None:
                return
            downloads = {
                (download.download_id, download.epoch): download
                for data, time in told
                if (data.category or "") in adopted.categories
                and (download := self._finished(data, time > adopted.adopted_at)) is not None
            }
            work = await store.take(
                connection,
                client,
                list(downloads.values()),
                preexisting=lambda _: False,
                new_id=self._new_id,
                now=self._clock.now(),
            )
        if work:
            self._work.ring()
            self._outbox.ring()

    def _finished(self, data: DownloadData, is_recent: bool) -> Finished | None:
        """By the table, if it shows the download; by the event where it went since, if that was under our eyes."""
        table = self._replica.table(data.client)
        row = table.rows.get(data.id) if table is not None else None
        if table is not None and row is not None:
            return finished_row(row, table.incarnation, self._clients[data.client])
        if not is_recent or data.size is None or not is_possible(data.id, data.size):
            return None
        return Finished(
            client=data.client,
            download_id=data.id,
            epoch=data.epoch,
            wanted=data.size,
            name=data.name,
            category=data.category,
            incarnation=table.incarnation if table is not None else None,
        )


def _read(event: Event) -> DownloadData:
    try:
        return event.read(DownloadData)
    except msgspec.MsgspecError as error:
        raise Poison(f"not a download's data: {error}") from error
