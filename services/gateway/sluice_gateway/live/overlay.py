"""How far every import is, in memory: subscribe to `import.*` first, then read all pages; the higher version wins.

Without an importer the overlay is empty and nobody fails. Never asks about one row, never writes; what the queue has
not shown for a while is forgotten.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from contextlib import suppress

import msgspec
from nats.aio.msg import Msg
from nats.errors import Error as NatsError

from sluice_common.bus.connect import Bus
from sluice_common.bus.rpc import call
from sluice_common.contracts import codec, subjects
from sluice_common.contracts.events import Event, ImportData
from sluice_common.contracts.library import Import, ImportState, Listing
from sluice_common.contracts.rpc import Page
from sluice_common.kit import log as logging
from sluice_common.kit.clock import SYSTEM_CLOCK, Clock
from sluice_common.kit.errors import Problem
from sluice_common.kit.tasks import checkpoint
from sluice_common.model.download import Download
from sluice_gateway.live.rows import NO_IMPORT, Key, Overlay

log = logging.get(__name__)

# A core subscription may lose an event (a reconnect, a slow moment): read everything again this often.
REREAD_EVERY = 300.0
RETRY_EVERY = 2.0
PAGE = 500

_STATES = {
    "import.queued": ImportState.WAITING,
    "import.started": ImportState.IMPORTING,
    "import.completed": ImportState.IMPORTED,
    "import.blocked": ImportState.BLOCKED,
    "import.failed": ImportState.FAILED,
}


MayShow = Callable[[str, str], bool]
"""Whether the queue has, or may yet have, the row of this client and id."""


class Overlays:
    """The newest known overlay of each epoch of each download; pure but for its listeners."""

    def __init__(self) -> None:
        self._known: dict[Key, dict[str, Overlay]] = {}
        self._absent: set[Key] = set()
        self.on_change: list[Callable[[Collection[Key]], None]] = []

    def __len__(self) -> int:
        return sum(map(len, self._known.values()))

    def of(self, row: Download) -> Overlay:
        """The overlay of this very epoch of the row; what an earlier one left behind does not count."""
        return self._known.get((row.client, row.id), {}).get(row.epoch, NO_IMPORT)

    def take(self, key: Key, overlay: Overlay) -> None:
        """Heard of an import: its higher version wins. Another epoch's import is another one, however late it moves."""
        epochs = self._known.setdefault(key, {})
        known = epochs.get(overlay.epoch)
        if known is not None and overlay.version <= known.version:
            return
        epochs[overlay.epoch] = overlay
        for listener in self.on_change:
            listener((key,))

    def sweep(self, may_show: MayShow) -> None:
        """Forget what was not to be shown at the last sweep and is not now: a row may come later than its import."""
        absent = {key for key in self._known if not may_show(*key)}
        for key in absent & self._absent:
            del self._known[key]
        self._absent = absent - self._absent


class OverlayFeed:
    """Keeps `Overlays` current from the bus; where imports are not `wanted`, it asks nobody and every row has none."""

    def __init__(
        self,
        bus: Bus,
        overlays: Overlays,
        may_show: MayShow,
        new_request_id: Callable[[], str],
        clock: Clock = SYSTEM_CLOCK,
        *,
        wanted: bool = True,
    ) -> None:
        self._wanted = wanted
        self._bus = bus
        self._overlays = overlays
        self._may_show = may_show
        self._new_request_id = new_request_id
        self._clock = clock

    async def run(self) -> None:
        """Follow until cancelled."""
        if not self._wanted:
            await asyncio.Future()
        subscription = await self._bus.nc.subscribe(subjects.IMPORT_EVENTS, cb=self._on_event)
        everything = True
        try:
            while True:
                checkpoint()
                complete = await self._read_all(everything)
                reconnected = await self._pause(REREAD_EVERY if complete else RETRY_EVERY)
                if complete and not reconnected:
                    self._overlays.sweep(self._may_show)
                # A row that the queue does not show yet may have an import that we missed meanwhile.
                everything = reconnected or (everything and not complete)
        finally:
            with suppress(NatsError):
                await subscription.unsubscribe()

    async def _pause(self, seconds: float) -> bool:
        """Wait, but not beyond a reconnect (then true): what was published meanwhile did not reach us."""
        connected, until = self._bus.nc.stats["reconnects"], self._clock.monotonic() + seconds
        while self._clock.monotonic() < until and self._bus.nc.stats["reconnects"] == connected:
            await self._clock.sleep(0.5)
        return self._bus.nc.stats["reconnects"] != connected

    async def _read_all(self, everything: bool) -> bool:
        """Whether all pages came; takes the imports of what the queue shows, or all of them."""
        cursor: str | None = None
        while True:
            try:
                page = await call(
                    self._bus,
                    subjects.rpc("importer", "imports.list"),
                    Listing(limit=PAGE, cursor=cursor),
                    Page[Import],
                    request_id=self._new_request_id(),
                )
            except (Problem, NatsError, msgspec.MsgspecError) as error:
                log.debug("imports_unread", error=type(error).__name__)
                return False
            for row in page.items:
                if everything or self._may_show(row.client, row.download_id):
                    self._overlays.take((row.client, row.download_id), of_import(row))
            cursor = page.next
            if cursor is None:
                return True

    async def _on_event(self, message: Msg) -> None:
        try:
            event = codec.from_json(message.data, Event)
            data = event.read(ImportData)
        except (codec.Undecodable, msgspec.MsgspecError):
            log.warning("import_event_undecodable")
            return
        self._overlays.take((data.client, data.id), of_event(event.type, data))


def of_import(row: Import) -> Overlay:
    """What an import's row says."""
    return Overlay(
        epoch=row.epoch,
        state=row.state,
        version=row.version,
        reason=row.reason,
        message=row.message,
        import_id=row.id,
    )


def of_event(event_type: str, data: ImportData) -> Overlay:
    """What an import's event says; its type tells the state where its data does not."""
    state = ImportState(data.state) if data.state else _STATES.get(event_type, ImportState.UNKNOWN)
    return Overlay(
        epoch=data.epoch,
        state=state,
        version=data.version,
        reason=data.reason,
        message=data.message,
        import_id=data.import_id,
    )
