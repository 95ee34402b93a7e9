"""Takes over what an app knows: what is new or told otherwise, a few at a time, again and again.

One replica at a time does it. An item that cannot be taken over holds up no other; an app that does not answer is
asked again, and what is known stays known.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

import msgspec
import xxhash

from sluice_common.contracts.catalogue import Entry, EntryProblem
from sluice_common.db.pool import Database, is_transient
from sluice_common.kit import log as logging
from sluice_common.kit.backoff import delay
from sluice_common.kit.clock import Clock
from sluice_common.kit.errors import ClientError, Problem
from sluice_common.kit.settings import AppSettings, LibrarySettings
from sluice_common.kit.tasks import checkpoint
from sluice_importer.apps import store
from sluice_importer.apps.due import due
from sluice_importer.apps.opening import opened
from sluice_importer.catalogue import merging

if TYPE_CHECKING:
    from sluice_arr import App

log = logging.get(__name__)

RETRY_AFTER = 15.0
# A transaction's worth: everybody else who makes items known waits for its end.
_AT_ONCE = 50
# Series are asked for their episodes one by one; more at the same time would keep an app from its own work.
_CONNECTIONS = 4

Told = Mapping[int, msgspec.Raw]


class Sync:
    """Follows every enabled app."""

    def __init__(
        self,
        db: Database,
        apps: Mapping[str, AppSettings],
        libraries: Mapping[str, LibrarySettings],
        new_id: Callable[[], str],
        clock: Clock,
    ) -> None:
        self._db = db
        self._apps = {name: app for name, app in apps.items() if app.enabled and app.sync}
        self._libraries = libraries
        self._new_id = new_id
        self._clock = clock
        self._wanted = {name: asyncio.Event() for name in self._apps}

    def ask(self, name: str) -> None:
        """Take over from this app now rather than when it is due."""
        self._wanted[name].set()

    async def run(self) -> None:
        """Follow until cancelled; each app by itself, so that none waits for another."""
        async with asyncio.TaskGroup() as group:
            for name in self._apps:
                group.create_task(self._follow(name))
            await asyncio.Event().wait()  # with no app there is nothing to do, which is no reason to end

    async def _follow(self, name: str) -> None:
        failures, interval = 0, self._apps[name].interval
        while True:
            checkpoint()
            self._wanted[name].clear()
            failures = 0 if await self._tried(name) else failures + 1
            wait = delay(failures, base=RETRY_AFTER, cap=interval, jitter=0.0) if failures else interval
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wanted[name].wait(), wait)

    async def _tried(self, name: str) -> bool:
        """Whether it went well, or was another replica's to do."""
        try:
            await self.once(name)
        except ClientError as error:
            log.warning("app_sync_failed", app=name, reason=error.reason, error=str(error))
            with suppress(Exception):
                async with self._db.connection() as connection:
                    await store.failed(connection, name, error.reason, str(error), self._clock.now())
            return False
        except Exception as error:
            if not is_transient(error):
                raise
            log.warning("app_sync_waits", app=name, error=type(error).__name__)
            return False
        return True

    async def once(self, name: str) -> None:
        """Take over what is due, unless another replica is at it. Raises ClientError."""
        async with self._db.connection() as held, opened(self._apps[name]) as app:
            if not await store.try_lock(held, name):
                return
            try:
                await self._take_over(name, app)
            finally:
                await store.unlock(held, name)

    async def _take_over(self, name: str, app: App) -> None:
        version = await app.version()
        told = dict(await app.listed())
        digests = await asyncio.to_thread(_digests, told)
        async with self._db.connection() as connection:
            taken = await store.taken(connection, name)
            await store.forget(connection, name, [number for number in taken if number not in told])
        wanted = due(digests, taken, self._clock.now())
        problems: list[EntryProblem] = []
        for numbers in _slices(wanted):
            entries = await _entries(app, [told[number] for number in numbers])
            problems += await self._merge(name, dict(zip(numbers, entries, strict=True)), digests)
        async with self._db.connection() as connection:
            await store.succeeded(connection, name, version, problems, self._clock.now())
        log.info("app_synced", app=name, items=len(told), taken=len(wanted), left_out=len(problems))

    async def _merge(self, name: str, entries: Mapping[int, Entry], digests: Mapping[int, str]) -> list[EntryProblem]:
        problems = []
        async with self._db.transaction() as connection:
            await merging.lock(connection)
            for number, entry in entries.items():
                now = self._clock.now()
                try:
                    change = await merging.take(connection, entry, self._libraries, self._new_id, now)
                except Problem as problem:
                    problems.append(merging.left_out(number, entry, problem))
                    continue
                await store.note(connection, name, number, digests[number], change.item, now)
        return problems


def _digests(told: Told) -> dict[int, str]:
    """Blocking: of tens of megabytes."""
    return {number: xxhash.xxh3_128_hexdigest(bytes(row)) for number, row in told.items()}


def _slices(numbers: Sequence[int]) -> Iterator[Sequence[int]]:
    return (numbers[start : start + _AT_ONCE] for start in range(0, len(numbers), _AT_ONCE))


async def _entries(app: App, rows: Sequence[msgspec.Raw]) -> list[Entry]:
    free = asyncio.Semaphore(_CONNECTIONS)

    async def ask(row: msgspec.Raw) -> Entry:
        async with free:
            return await app.entry(row)

    try:
        async with asyncio.TaskGroup() as group:
            asked = [group.create_task(ask(row)) for row in rows]
    except* ClientError as errors:
        failed = errors
    else:
        return [task.result() for task in asked]
    raise failed.exceptions[0]  # of several that failed at once, one says why
