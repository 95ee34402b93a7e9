"""A download client in memory behind the adapter's port, for faults and scale that real ones cannot be brought to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from sluice_client_poller.adapters.port import About, NewDownload, Poll, Terms, unsupported
from sluice_common.kit.errors import ClientError, ClientUnavailable, Problem
from sluice_common.model.download import Download, RemoteFile
from sluice_common.model.edits import (
    AlternativeLimits,
    AnyControl,
    AnyEdit,
    Edit,
    ForceStart,
    GlobalLimits,
    Limits,
    Move,
    PauseAll,
    Reannounce,
    Rename,
    ResumeAll,
    SetCategory,
    SetTags,
)
from sluice_common.model.enums import State

# What an edit makes of a row; what is not here, this client cannot do.
_EDITS: Mapping[type[Edit], Callable[[Any], dict[str, object]]] = {
    ForceStart: lambda edit: {"forced": edit.on, **({"state": State.DOWNLOADING} if edit.on else {})},
    Reannounce: lambda _: {},
    SetCategory: lambda edit: {"category": edit.category},
    SetTags: lambda edit: {"tags": edit.tags},
    Move: lambda edit: {"save_path": edit.save_path},
    Rename: lambda edit: {"name": edit.name},
}


class FakeClient:
    """Holds rows; `failure` is raised by every call while it is set, `answer` replaces what a poll tells.

    After the call that `fails_after` names, which works, it cannot be reached.
    An edit, and a pause or resume of everything, shows in its list after `delays` further polls, as clients do that
    answer before they act.
    With `deltas` a poll that follows a good one tells only what changed since, as clients do that can.
    """

    def __init__(self, name: str = "fake", *, deltas: bool = False) -> None:
        self.name = name
        self.deltas = deltas
        self._told: dict[str, Download] | None = None
        self.rows: dict[str, Download] = {}
        self.failure: ClientError | None = None
        self.fails_after: str | None = None
        self.answer: Callable[[], Poll] | None = None
        self.restarted = False
        self.throttled = False
        self.polls = 0
        self.calls: list[str] = []
        self.delays = 0
        self._later: tuple[int, Callable[[], object]] | None = None
        self.all_limits = Limits(download=1000)
        self.all_terms: dict[str, Terms] = {}
        self.added: list[NewDownload] = []
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
        if self._later is not None and self.polls >= self._later[0]:
            self._later[1]()
            self._later = None
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
        self.added.append(new)
        state = State.PAUSED if new.paused else State.DOWNLOADING
        self.put(download_id, state=state, category=new.category, tags=new.tags)
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

    async def alter(self, download_id: str, edit: AnyEdit) -> None:
        kind = str(edit.__struct_config__.tag)
        self._call(f"alter:{kind}")
        change = _EDITS.get(type(edit))
        if change is None:
            raise unsupported("Fake", f"do {kind}")
        self._soon(lambda: self.put(download_id, **change(edit)))

    async def terms(self, download_id: str) -> Terms:
        self._call("terms")
        return self.all_terms.get(download_id, Terms())

    async def control(self, control: AnyControl) -> None:
        self._call(f"control:{control.__struct_config__.tag}")
        match control:
            case PauseAll() | ResumeAll():
                state = State.PAUSED if isinstance(control, PauseAll) else State.DOWNLOADING
                self._soon(lambda: [self.put(each, state=state) for each in self.rows])
            case AlternativeLimits():
                raise unsupported("Fake", "have alternative limits")
            case GlobalLimits():
                told = {name: value or None for name, value in msgspec.structs.asdict(control).items()}
                changed = {name: value for name, value in told.items() if getattr(control, name) is not None}
                self.all_limits = msgspec.structs.replace(self.all_limits, **changed)

    async def limits(self) -> Limits:
        self._call("limits")
        return self.all_limits

    async def about(self) -> About:
        self._call("about")
        return About(version="1.0", save_path="/downloads", categories={"tv": None})

    async def close(self) -> None:
        self.calls.append("close")
        self._told = None

    def _soon(self, change: Callable[[], object]) -> None:
        if self.delays:
            self._later = (self.polls + self.delays, change)
        else:
            change()

    def _call(self, name: str) -> None:
        self.calls.append(name)
        if self.failure is not None:
            raise self.failure
        if name == self.fails_after:
            self.failure = ClientUnavailable("connection lost")
