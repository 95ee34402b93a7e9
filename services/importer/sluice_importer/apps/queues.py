"""Says what each app does with the downloads that it owns: its whole queue, again and again, to whoever shows them.

Every replica says it; whoever listens takes the newest. Nothing is kept, and nothing is done about it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec
from nats.errors import Error as NatsError

from sluice_common.bus.connect import Bus
from sluice_common.contracts import codec, subjects
from sluice_common.contracts.apps import AppDownload, AppQueue
from sluice_common.kit import log as logging
from sluice_common.kit.clock import Clock
from sluice_common.kit.errors import ClientError
from sluice_common.kit.settings import AppSettings
from sluice_importer.apps.opening import opened

if TYPE_CHECKING:
    from sluice_arr import App

log = logging.get(__name__)

# A queue is read from an app's memory; people look at it about as often.
EVERY = 10.0
# Below the megabyte that a message may weigh.
MOST_BYTES = 800_000
_FEW_WORDS = 300
# What a download with so few words can weigh, every character of them being four bytes, and escaped.
_MOST_EACH = 4000


class Queues:
    """Follows the queue of every enabled app."""

    def __init__(self, bus: Bus, apps: Mapping[str, AppSettings], clock: Clock, every: float = EVERY) -> None:
        self._bus = bus
        self._apps = {name: app for name, app in apps.items() if app.enabled}
        self._clock = clock
        self._every = every

    async def run(self) -> None:
        """Follow until cancelled; each app by itself, so that none waits for another."""
        async with asyncio.TaskGroup() as group:
            for name, app in self._apps.items():
                group.create_task(self._follow(name, app))
            await asyncio.Event().wait()  # with no app there is nothing to do, which is no reason to end

    async def _follow(self, name: str, settings: AppSettings) -> None:
        async with opened(settings) as app:
            while True:
                await self._say(fitting(await self._asked(name, app)))
                await self._clock.sleep(self._every)

    async def _asked(self, name: str, app: App) -> AppQueue:
        reason, message, items = None, None, tuple[AppDownload, ...]()
        try:
            items = await app.queue()
        except ClientError as error:
            reason, message = error.reason, str(error)
        return AppQueue(
            app=name, kind=app.kind, asked_at=self._clock.now(), reason=reason, message=message, items=items
        )

    async def _say(self, queue: AppQueue) -> None:
        try:
            await self._bus.nc.publish(subjects.app(queue.app), codec.to_json(queue))
        except NatsError as error:
            log.debug("app_queue_unsaid", app=queue.app, error=type(error).__name__)


def fitting(queue: AppQueue, most: int = MOST_BYTES) -> AppQueue:
    """The queue as it fits a message: first the words are cut, then those that are well are left out, then the rest."""
    cut = _with(queue, [_cut(one) for one in queue.items])
    unwell = _with(cut, [one for one in cut.items if one.messages or one.status != "ok"])
    found = next((whole for whole in (queue, cut, unwell) if _weight(whole) <= most), None)
    return found if found is not None else _with(unwell, unwell.items[: most // _MOST_EACH])


def _with(queue: AppQueue, items: Sequence[AppDownload]) -> AppQueue:
    return msgspec.structs.replace(queue, items=tuple(items))


def _cut(told: AppDownload) -> AppDownload:
    return msgspec.structs.replace(told, messages=tuple(words[:_FEW_WORDS] for words in told.messages[:1]))


def _weight(queue: AppQueue) -> int:
    return len(codec.to_json(queue))
