"""A played poller before a directory, and a real importer before that. NATS, PostgreSQL and the disk are real."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from sluice_common.bus.connect import Bus
from sluice_common.bus.publish import publish_event
from sluice_common.bus.replica import publish_part
from sluice_common.bus.rpc import Stoppable, call, serve
from sluice_common.bus.statuses import publish_status, read_status
from sluice_common.contracts import events, rpc, subjects
from sluice_common.contracts import library as contract
from sluice_common.contracts.commands import Files, FilesOf, Look, Seen
from sluice_common.contracts.frames import Frame, Writer
from sluice_common.kit.errors import BusUnavailable, Fenced
from sluice_common.kit.settings import ClientSettings, LibrarySettings, Settings
from sluice_common.kit.tasks import checkpoint
from sluice_common.model.download import ClientStatus, Download, RemoteFile
from sluice_common.model.enums import Health, State
from sluice_common.runtime.run import serve as run_service
from sluice_importer.__main__ import build
from support.waiting import PATIENCE

T = TypeVar("T")

CLIENT = "deluge"
CATEGORY = "ours"
PROBE = "probe"


async def eventually(ask: Callable[[], Awaitable[T | None]], what: str, within: float = 20.0) -> T:
    """What `ask` answers once it is neither None nor false; an AssertionError with `what` after `within` seconds."""
    deadline = time.monotonic() + within * PATIENCE
    while True:
        answer = await ask()
        if answer:
            return answer
        assert time.monotonic() < deadline, f"not within {within} s: {what}"
        await asyncio.sleep(0.05)


class PlayedClient:
    """A client and its poller: a directory of downloads, its table on the bus, its answers to look and files."""

    def __init__(self, bus: Bus, home: Path, name: str = CLIENT) -> None:
        self.bus = bus
        self.name = name
        self.home = home
        self.rows: dict[str, Download] = {}
        self.files: dict[str, tuple[RemoteFile, ...]] = {}
        self.looks = 0
        self._writer = Writer(uuid.uuid4().hex, None, 0)
        self._running: list[Stoppable] = []

    async def start(self) -> None:
        """Publish the baseline, with one complete download in it by which a test sees that it was judged; answer."""
        self.rows[PROBE] = self.describe(PROBE, "There.Before.1999", {"There.Before.1999.mkv": 1})
        await self.answer()
        await self.baseline()

    async def answer(self) -> None:
        """Take questions about downloads."""
        verbs: tuple[tuple[str, type[Any], Any], ...] = (("look", Look, self._look), ("files", FilesOf, self._files))
        for verb, kind, handler in verbs:
            self._running.append(await serve(self.bus, subjects.command(self.name, verb), kind, handler))

    async def stop(self) -> None:
        """Nobody answers any more."""
        for running in self._running:
            await running.stop()
        self._running.clear()

    async def baseline(self, incarnation: str | None = None) -> None:
        """A keyframe of all rows; with an incarnation, after the bus was wiped."""
        if incarnation is not None:
            self._writer = Writer(incarnation, None, 0)
        await self._publish(self._writer.plan_keyframe(self.rows, datetime.now(UTC), uuid.uuid4().hex))

    async def commit(self, *upserts: Download, removed: Sequence[str] = ()) -> None:
        """A delta: rows that changed and ids that went."""
        self.rows |= {row.id: row for row in upserts}
        for one in removed:
            self.rows.pop(one, None)
        await self._publish(self._writer.plan_delta(upserts, removed, datetime.now(UTC), uuid.uuid4().hex))

    async def _publish(self, frames: Sequence[Frame]) -> None:
        for frame in frames:
            self._writer.acked(frame, await publish_part(self.bus, self.name, frame, self._writer.fence))
        for applied in list(self._writer.unannounced):
            self._writer.mark_announced(applied.number)

    def add(self, download_id: str, name: str, files: dict[str, bytes], **more: Any) -> Download:
        """A complete download, its files written to disk; not yet in any frame."""
        for path, content in files.items():
            where = self.home / path
            where.parent.mkdir(parents=True, exist_ok=True)
            where.write_bytes(content)
        return self.describe(download_id, name, {path: len(content) for path, content in files.items()}, **more)

    def describe(self, download_id: str, name: str, sizes: dict[str, int], **more: Any) -> Download:
        """A complete download as the client tells it, whatever is on disk."""
        self.files[download_id] = tuple(
            RemoteFile(index=index, path=path, size=size) for index, (path, size) in enumerate(sizes.items())
        )
        row = Download(client=self.name, id=download_id, name=name, size=sum(sizes.values()), is_complete=True)
        fields = {"epoch": "c1700000000", "category": CATEGORY, "state": State.SEEDING, "save_path": str(self.home)}
        return msgspec.structs.replace(row, **{**fields, **more})

    async def completed(self, row: Download, again: str = "") -> None:
        """The poller's event; with `again` the stream cannot tell that it is a repetition."""
        assert row.size is not None
        data = events.DownloadData(
            client=row.client, id=row.id, epoch=row.epoch, name=row.name, category=row.category, size=row.size
        )
        event_id = events.lifecycle_id("download.completed", row.client, row.id, row.epoch + again, row.size)
        await publish_event(
            self.bus, events.make(event_id, "download.completed", "client-poller", datetime.now(UTC), data)
        )

    async def run(self) -> None:
        """Say now and then that the last poll went well."""
        while True:
            checkpoint()
            now = datetime.now(UTC)
            status = ClientStatus(client=self.name, type="deluge", health=Health.OK, last_good_poll=now, updated_at=now)
            with suppress(BusUnavailable, Fenced):
                _, fence = await read_status(self.bus, self.name)
                await publish_status(self.bus, status, fence)
            await asyncio.sleep(0.25)

    async def _look(self, asked: Look, _: rpc.Request) -> Seen:
        self.looks += 1
        return Seen(row=self.rows.get(asked.id))

    async def _files(self, asked: FilesOf, _: rpc.Request) -> Files:
        files = self.files.get(asked.id, ())
        end = asked.start + 3
        return Files(items=files[asked.start : end], total=len(files), next=end if end < len(files) else None)


class Household:
    """A played client, a running importer, and what people can ask of it."""

    def __init__(self, settings: Settings, bus: Bus, client: PlayedClient, home: Path) -> None:
        self.settings = settings
        self.bus = bus
        self.client = client
        self.home = home

    @asynccontextmanager
    async def importer(self) -> AsyncIterator[asyncio.Task[None]]:
        """An importer, until the end of the block or until the task is cancelled."""
        stop = asyncio.Event()
        task = asyncio.create_task(run_service("importer", build, self.settings, stop))
        try:
            await eventually(lambda: self._answers(task), "the importer answers, and has judged the backlog")
            yield task
        finally:
            stop.set()
            with suppress(asyncio.CancelledError):
                await task

    async def _answers(self, task: asyncio.Task[None]) -> bool:
        if task.done():
            task.result()
        with suppress(Exception):
            return bool(await self.imports(id=PROBE))
        return False

    async def ask(self, method: str, body: object, kind: type[T], within: float = 10.0) -> T:
        """Call the importer; raises Problem."""
        subject = subjects.rpc("importer", method)
        return await call(self.bus, subject, body, kind, request_id=uuid.uuid4().hex, within=within, actor="test")

    async def item(self, kind: str, title: str, year: int | None = None) -> contract.MediaItem:
        """A media item in the catalogue."""
        return await self.ask(
            "media.create", contract.NewMediaItem(kind=kind, title=title, year=year), contract.MediaItem
        )

    async def imports(self, **filters: Any) -> tuple[contract.Import, ...]:
        """All imports, newest first; the probe only if asked for."""
        asked = contract.Listing(**{"limit": 500, **filters})
        page = await self.ask("imports.list", asked, rpc.Page[contract.Import])
        return tuple(found for found in page.items if found.download_id != PROBE or filters.get("id") == PROBE)

    async def reached(self, download_id: str, state: str, reason: str | None = None) -> contract.Import:
        """The download's one import, with its files, once it is in this state for this reason."""

        async def look() -> contract.Import | None:
            found = await self.imports(id=download_id)
            assert len(found) <= 1, found
            if not found or (found[0].state, found[0].reason) != (state, reason):
                return None
            return await self.ask("imports.get", contract.ImportId(id=found[0].id), contract.Import)

        try:
            return await eventually(look, f"{download_id} is {state} ({reason})")
        except AssertionError as error:
            raise AssertionError(f"{error}; imports: {await self.imports()}") from None

    def library(self, name: str) -> dict[str, int]:
        """Every file in a library but its marker: relative path to inode. Temporary names included."""
        root = self.home / name
        return {
            str(path.relative_to(root)): path.stat().st_ino
            for path in sorted(root.rglob("*"))
            if not path.is_dir() and path.name != ".sluice-root"
        } | {str(path.relative_to(root)): 0 for path in root.rglob(".sluice-*") if path.is_dir()}

    async def published(self, *types: str) -> list[events.Event]:
        """Every event on the stream, oldest first, of these types or of all."""
        from nats.js.errors import NotFoundError

        from sluice_common.contracts import codec

        info = await self.bus.js.stream_info(subjects.EVENTS)
        found: list[events.Event] = []
        for sequence in range(info.state.first_seq, info.state.last_seq + 1):
            with suppress(NotFoundError):
                message = await self.bus.js.get_msg(subjects.EVENTS, sequence)
                found.append(codec.from_json(message.data or b"", events.Event))
        return [event for event in found if not types or event.type in types]


def settings_of(home: Path, nats: Any, postgres: Any, **library: Any) -> Settings:
    """One client whose category is ours, a library of movies and one of series, in `home`."""
    return Settings(
        clients={
            CLIENT: ClientSettings(
                type="deluge", url="http://127.0.0.1:1", owners={CATEGORY: "sluice", "arr": "sonarr"}
            )
        },
        libraries={
            "movies": LibrarySettings(kind="movies", root=home / "movies", **library),
            "tv": LibrarySettings(kind="series", root=home / "tv", **library),
        },
        nats=nats,
        postgres=postgres,
    )
