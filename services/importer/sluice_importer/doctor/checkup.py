"""Asks everything at the same time, each with a deadline of its own: what hangs is a finding, not a hanging doctor."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from sluice_common.bus.connect import Bus
from sluice_common.bus.replica import Replica
from sluice_common.bus.rpc import call
from sluice_common.contracts import doctor as contract
from sluice_common.contracts import rpc, subjects
from sluice_common.contracts.commands import Files, FilesOf
from sluice_common.contracts.doctor import Finding, Verdict
from sluice_common.db.pool import Database
from sluice_common.kit.errors import ClientError, Problem
from sluice_common.kit.settings import AppSettings, ClientSettings, LibrarySettings
from sluice_common.model.download import Download
from sluice_common.model.paths import to_ours
from sluice_importer.apps.opening import opened
from sluice_importer.doctor import beside, disk, findings
from sluice_importer.doctor.findings import FinishedFile
from sluice_importer.doctor.picking import finished, largest, save_paths

if TYPE_CHECKING:
    from sluice_arr import App

T = TypeVar("T")

CLIENT_WITHIN = 12.0
DISK_WITHIN = 8.0
FILES_WITHIN = 5.0
DATABASE_WITHIN = 4.0
APP_WITHIN = 8.0


def _new_token() -> str:
    return secrets.token_hex(8)


class Hangs(Exception):
    """A look at the disk has not come back."""


class Seen(msgspec.Struct, frozen=True):
    """What was found of a client, files of it that are here, and its folders as they are called here.

    `is_known` where what it has finished could be looked at: where not, a finding says why.
    """

    findings: list[Finding]
    files: list[FinishedFile]
    folders: list[Path] = []
    is_known: bool = True


class Checkup:
    """Answers `doctor`, one at a time."""

    def __init__(
        self,
        bus: Bus,
        db: Database,
        replica: Replica,
        clients: Mapping[str, ClientSettings],
        libraries: Mapping[str, LibrarySettings],
        apps: Mapping[str, AppSettings],
        new_id: Callable[[], str],
        new_token: Callable[[], str] = _new_token,
    ) -> None:
        self._bus = bus
        self._db = db
        self._replica = replica
        self._clients = {name: client for name, client in clients.items() if client.enabled}
        self._libraries = libraries
        self._apps = {name: app for name, app in apps.items() if app.enabled}
        self._new_id = new_id
        self._new_token = new_token
        self._alone = asyncio.Lock()
        self._looks: dict[str, asyncio.Future[Any]] = {}

    async def answer(self, asked: contract.Checkup, _: rpc.Request) -> contract.Findings:
        """Everything on this side of the bus."""
        async with self._alone:
            database, *seen = await asyncio.gather(
                self._database(), *(self._client(name, asked.clients.get(name)) for name in self._clients)
            )
            clients = dict(zip(self._clients, seen, strict=True))
            libraries = await asyncio.gather(*(self._library(name, clients) for name in self._libraries))
            apps = await asyncio.gather(*(self._app(name) for name in self._apps))
        told = [finding for client in seen for finding in client.findings]
        rest = [finding for part in (*libraries, *apps) for finding in part]
        return contract.Findings((*database.findings, *told, *rest))

    async def _database(self) -> Seen:
        try:
            async with asyncio.timeout(DATABASE_WITHIN):
                return Seen([findings.database(await self._db.ready())], [])
        except TimeoutError:
            return Seen([findings.database(f"no answer within {DATABASE_WITHIN:g} s")], [])

    async def _client(self, name: str, told: contract.AboutClient | None) -> Seen:
        try:
            async with asyncio.timeout(CLIENT_WITHIN):
                return await self._look_at_client(name, told)
        except (TimeoutError, Hangs):
            detail = "looking for the client's files takes longer than it should: is one of its disks gone?"
            advice = "see whether `ls` of the folders in its `paths` comes back; mount dead shares again"
            return Seen([findings.file_unknown(name, "disk_hangs", detail, advice)], [], is_known=False)

    async def _look_at_client(self, name: str, told: contract.AboutClient | None) -> Seen:
        table, settings = self._replica.table(name), self._clients[name]
        rows = list(table.rows.values()) if table is not None else []
        paths, here = await self._paths(name, told, rows)
        if table is None:
            detail, advice = f"the list of {name} is not known yet", "see client.login; then run `sluice doctor` again"
            return Seen(
                [*paths, findings.file_unknown(name, "table_unknown", detail, advice)], [], here, is_known=False
            )
        chosen = finished(rows, settings)
        if not chosen and told is None:  # its log-in has a finding of its own, and the list may be an old one
            return Seen(paths, [], here, is_known=False)
        if not chosen:
            return Seen([*paths, findings.no_finished_file(name)], [], here)
        folders = dict.fromkeys(row.save_path or "" for row in chosen)
        looked = await asyncio.gather(
            *(self._file(name, [row for row in chosen if (row.save_path or "") == folder]) for folder in folders)
        )
        found = [finding for finding, _ in looked]
        files = [file for _, file in looked if file is not None]
        return Seen([*paths, *found], files, here, is_known=all(map(findings.is_looked_at, found)))

    async def _paths(
        self, name: str, told: contract.AboutClient | None, rows: Sequence[Download]
    ) -> tuple[list[Finding], list[Path]]:
        """What is found of the client's folders, and those of them that are here and matter."""
        settings = self._clients[name]
        folders = save_paths(told, rows, settings)
        if told is None and not folders:  # its log-in has a finding of its own
            return [], []
        if not folders:
            detail, advice = f"{name} does not say where it saves", "set a folder in the client, or add a download"
            return [findings.path_unknown(name, "save_path_unknown", detail, advice)], []

        def look() -> list[Finding]:
            return [disk.look_at_path(name, path, settings, matters=ours) for path, ours in folders.items()]

        found = await self._on_disk(f"paths of {name}", look)
        fine = [path for (path, ours), one in zip(folders.items(), found, strict=True) if ours and _is_fine(one)]
        return found, [here for path in fine if (here := to_ours(path, settings.paths)) is not None]

    async def _file(self, name: str, rows: Sequence[Download]) -> tuple[Finding, FinishedFile | None]:
        """The first of these downloads, all of one folder, whose largest file is here."""
        refused = findings.no_finished_file(name)
        for row in rows:
            try:
                file = await self._file_of(name, row)
            except Problem as problem:
                see = "path.mapped" if problem.code == "unmapped_path" else "client.login"
                advice = f"see the check {see}; then run `sluice doctor` again"
                return findings.file_unknown(name, problem.code, problem.detail, advice), None
            if file is None:
                continue
            failed = await self._on_disk(f"{row.save_path} of {name}", partial(disk.look_at_file, file))
            if failed is None:
                return findings.file_found(file), file
            refused = findings.file_refused(file, failed)
        return refused, None

    async def _file_of(self, name: str, row: Download) -> FinishedFile | None:
        theirs = row.save_path or ""
        root = to_ours(theirs, self._clients[name].paths)
        if root is None:
            detail = f"{name} saves to {theirs!r}, which no mapping holds"
            raise Problem("unmapped_path", 422, detail)
        subject = subjects.command(name, "files")
        asked = FilesOf(id=row.id)
        listed = await call(
            self._bus, subject, asked, Files, request_id=self._new_id(), within=FILES_WITHIN, actor="doctor"
        )
        found = largest(listed.items)
        if found is None:
            return None
        return FinishedFile(client=name, theirs=theirs, root=root, path=found.path, size=found.size)

    async def _library(self, name: str, clients: Mapping[str, Seen]) -> list[Finding]:
        settings = self._libraries[name]
        files = {client: seen.files for client, seen in clients.items()}
        folders = {client: seen.folders for client, seen in clients.items()}
        unknown = frozenset(client for client, seen in clients.items() if not seen.is_known)
        look = partial(disk.look_at_library, name, settings, files, self._new_token, folders, unknown)
        try:
            return await self._on_disk(f"library {name}", look)
        except Hangs:
            detail = f"{settings.root} does not answer: its disk or share hangs"
            advice = "see whether `ls` of it comes back; mount a dead share again, then restart Sluice"
            return [
                findings.library(name, "library.root", Verdict.FAILED, code="disk_hangs", detail=detail, advice=advice)
            ]

    async def _app(self, name: str) -> list[Finding]:
        about = beside.AboutApp(reason="unreachable", message=f"no answer within {APP_WITHIN:g} s")
        with suppress(TimeoutError):
            async with asyncio.timeout(APP_WITHIN), opened(self._apps[name]) as app:
                about = await _about(app)
        return list(beside.app(name, about, self._clients, self._libraries))

    async def _on_disk(self, what: str, look: Callable[[], T]) -> T:
        """In a thread, left behind where it hangs; what still hangs since an earlier run is not asked again."""
        earlier = self._looks.get(what)
        if earlier is not None and not earlier.done():
            raise Hangs(what)
        running = asyncio.ensure_future(asyncio.to_thread(look))
        self._looks[what] = running
        running.add_done_callback(_heard)
        await asyncio.wait({running}, timeout=DISK_WITHIN)
        if not running.done():
            raise Hangs(what)
        return running.result()


async def _about(app: App) -> beside.AboutApp:
    try:
        version, categories, roots = await asyncio.gather(app.version(), app.categories(), app.roots())
    except ClientError as error:
        return beside.AboutApp(reason=error.reason, message=str(error))
    return beside.AboutApp(version=version, categories=categories, roots=roots)


def _is_fine(finding: Finding) -> bool:
    return finding.status == Verdict.OK


def _heard(done: asyncio.Future[Any]) -> None:
    """Nobody waits any more for what came back too late; its error is no news."""
    if not done.cancelled():
        done.exception()
