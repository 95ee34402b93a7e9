"""A download client in memory behind the adapter's port, for faults and scale that real ones cannot be brought to."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from sluice_client_poller.adapters.port import About, NewDownload, Poll
from sluice_common.kit.errors import ClientError, Problem
from sluice_common.model.download import Download, RemoteFile
from sluice_common.model.enums import State


class FakeClient:
    """Holds rows; `failure` is raised by every call while it is set, `answer` replaces what a poll tells.

    With `deltas` a poll that follows a good one tells only what changed since, as clients do that can.
    """

    def __init__(self, name: str = "fake", *, deltas: bool = False) -> None:
        self.name = name
        self.deltas = deltas
        self._told: dict[str, Download] | None = None
        self.rows: dict[str, Download] = {}
        self.failure: ClientError | None = None
        self.answer: Callable[[], Poll] | None = None
        self.restarted = False
        self.throttled = False
        self.polls = 0
        self.calls: list[str] = []
        self.time_added = 1_700_000_000

    def put(self, download_id: str, **changes: object) -> Download:
        """Add or change a row."""
        base = self.rows.get(download_id)
        if base is None:
            self.time_added += 1
            base = Download(client=self.name, id=download_id, epoch=f"c{self.time_added}", name=download_id, size=100)
        self.rows[download_id] = msgspec.structs.replace(base, **changes)
        return self.rows[download_id]

    def finish(self, download_id: str) -> None:
        """Complete a row."""
        self.put(download_id, state=State.SEEDING, is_complete=True, done=100)

    async def poll(self) -> Poll:
        self._call("poll")
        self.polls += 1
        told, self._told = self._told, None
        if self.answer is not None:
            return self.answer()
        restarted, self.restarted = self.restarted, False
        self._told = dict(self.rows)
        if told is None or restarted or not self.deltas:
            return Poll(rows=tuple(self.rows.values()), restarted=restarted, throttled=self.throttled)
        changed = tuple(row for download_id, row in self.rows.items() if told.get(download_id) != row)
        removed = tuple(told.keys() - self.rows.keys())
        return Poll(rows=changed, whole=False, removed=removed, throttled=self.throttled)

    async def read(self, download_id: str) -> Download | None:
        self._call("read")
        return self.rows.get(download_id)

    async def files(self, download_id: str) -> tuple[RemoteFile, ...]:
        self._call("files")
        return tuple(RemoteFile(index=index, path=f"{download_id}/{index}", size=1) for index in range(3))

    async def add(self, new: NewDownload) -> str:
        self._call("add")
        download_id = (new.magnet or "").rpartition(":")[2]
        if download_id in self.rows:
            raise Problem("duplicate", 409, "it is there already", id=download_id)
        self.put(download_id, state=State.PAUSED if new.paused else State.DOWNLOADING, category=new.category)
        return download_id

    async def pause(self, download_id: str) -> None:
        self._call("pause")
        self.put(download_id, state=State.PAUSED)

    async def resume(self, download_id: str) -> None:
        self._call("resume")
        self.put(download_id, state=State.DOWNLOADING)

    async def recheck(self, download_id: str) -> None:
        self._call("recheck")
        self.put(download_id, state=State.CHECKING, is_complete=False)

    async def remove(self, download_id: str, *, with_data: bool) -> None:
        self._call(f"remove:{with_data}")
        del self.rows[download_id]

    async def about(self) -> About:
        self._call("about")
        return About(version="1.0", save_path="/downloads", categories={"tv": None})

    async def close(self) -> None:
        self.calls.append("close")
        self._told = None

    def _call(self, name: str) -> None:
        self.calls.append(name)
        if self.failure is not None:
            raise self.failure
