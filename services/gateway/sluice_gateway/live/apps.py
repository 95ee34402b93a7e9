"""What the apps beside us do with the downloads that they own, as those downloads' import axis. In memory only.

An app's queue comes whole, again and again. One that cannot be asked, or of which nothing is heard, leaves the import
of its downloads unknown: what it said before may no longer be so.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from datetime import datetime

import msgspec
from nats.aio.msg import Msg
from nats.errors import Error as NatsError

from sluice_common.bus.connect import Bus
from sluice_common.contracts import codec, subjects
from sluice_common.contracts.apps import AppDownload, AppQueue
from sluice_common.contracts.library import ImportState
from sluice_common.kit import log as logging
from sluice_common.kit.clock import SYSTEM_CLOCK, Clock
from sluice_common.kit.tasks import checkpoint
from sluice_common.model.download import Download
from sluice_gateway.live.rows import NO_IMPORT, Overlay

log = logging.get(__name__)

# Six times what lies between two words of the importer, in seconds.
SILENCE = 60.0
_LOOK_EVERY = 5.0

# Sonarr's and Radarr's trackedDownloadState; another one of theirs is shown with its word.
_STATES = {
    "downloading": ImportState.NONE,
    "downloadFailed": ImportState.FAILED,
    "downloadFailedPending": ImportState.FAILED,
    "importBlocked": ImportState.BLOCKED,
    "importPending": ImportState.WAITING,
    "importing": ImportState.IMPORTING,
    "imported": ImportState.IMPORTED,
    "failedPending": ImportState.FAILED,
    "failed": ImportState.FAILED,
    "ignored": ImportState.IGNORED,
}
_MESSAGES_SHOWN = 5


class _Heard(msgspec.Struct, frozen=True):
    """The last word of one app."""

    asked_at: datetime
    items: dict[str, AppDownload]
    reason: str | None = None
    message: str | None = None


class AppOverlays:
    """The newest known queue of each configured app. `owners` is per client: category → owner."""

    def __init__(self, apps: Collection[str], owners: Mapping[str, Mapping[str, str]]) -> None:
        self._apps = frozenset(apps)
        self._owners = owners
        self._heard: dict[str, _Heard] = {}
        self.on_change: list[Callable[[str], None]] = []

    def of(self, row: Download) -> Overlay | None:
        """What the row's owner does with it; None where no configured app owns it."""
        app = self._owners.get(row.client, {}).get(row.category or "")
        if app not in self._apps:
            return None
        heard = self._heard.get(app)
        if heard is None:
            return Overlay(state=ImportState.UNKNOWN, message=f"what {app} does with it is not known yet")
        if heard.reason is not None:
            return Overlay(state=ImportState.UNKNOWN, reason=heard.reason, message=f"{app}: {heard.message}")
        told = next((heard.items[name] for name in (row.id, *row.aliases) if name in heard.items), None)
        return _overlay(app, told) if told is not None else NO_IMPORT

    def take(self, queue: AppQueue) -> None:
        """An app was asked; an answer that is older than the one we have counts for nothing."""
        before = self._heard.get(queue.app)
        if queue.app not in self._apps or (before is not None and queue.asked_at <= before.asked_at):
            return
        now = _Heard(queue.asked_at, {one.id: one for one in queue.items}, queue.reason, queue.message)
        self._heard[queue.app] = now
        if before is None or (before.items, before.reason) != (now.items, now.reason):
            self._tell(queue.app)

    def silence(self, app: str) -> None:
        """Nothing was heard of it for too long."""
        if self._heard.pop(app, None) is not None:
            self._tell(app)

    def _tell(self, app: str) -> None:
        for listener in self.on_change:
            listener(app)

    @property
    def heard(self) -> Collection[str]:
        """The apps that we know something of."""
        return tuple(self._heard)


def _overlay(app: str, told: AppDownload) -> Overlay:
    """An import that is pending with a complaint waits for a person: older versions have no word of its own for it."""
    state = _STATES.get(told.state, ImportState.UNKNOWN)
    if state is ImportState.WAITING and told.status != "ok":
        state = ImportState.BLOCKED
    if state is ImportState.NONE and not told.messages:
        return NO_IMPORT
    words = "; ".join(told.messages[:_MESSAGES_SHOWN])
    return Overlay(state=state, reason=told.state, message=f"{app}: {words}" if words else f"{app}: {told.state}")


class AppFeed:
    """Keeps `AppOverlays` current from the bus."""

    def __init__(self, bus: Bus, overlays: AppOverlays, clock: Clock = SYSTEM_CLOCK) -> None:
        self._bus = bus
        self._overlays = overlays
        self._clock = clock
        self._at: dict[str, float] = {}

    async def run(self) -> None:
        """Follow until cancelled."""
        subscription = await self._bus.nc.subscribe(subjects.ALL_APPS, cb=self._on_message)
        try:
            while True:
                checkpoint()
                await self._clock.sleep(_LOOK_EVERY)
                now = self._clock.monotonic()
                for app in self._overlays.heard:
                    if now - self._at[app] > SILENCE:
                        self._overlays.silence(app)
        finally:
            with suppress(NatsError):
                await subscription.unsubscribe()

    async def _on_message(self, message: Msg) -> None:
        try:
            queue = codec.from_json(message.data, AppQueue)
        except codec.Undecodable:
            log.warning("app_queue_undecodable")
            return
        self._at[queue.app] = self._clock.monotonic()
        self._overlays.take(queue)
