"""Asks the client again: is it complete, is it still the same, what are its files; and are all of them here.

The client's own list is the manifest; no folder is ever walked. Whatever is missing is waited for, at no cost.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from sluice_common.bus.connect import Bus
from sluice_common.bus.replica import Replica
from sluice_common.bus.rpc import call
from sluice_common.contracts import subjects
from sluice_common.contracts.commands import Files, FilesOf, Look, Seen
from sluice_common.kit.errors import Problem
from sluice_common.kit.settings import ClientSettings
from sluice_common.model.download import Download, RemoteFile
from sluice_common.model.paths import to_ours
from sluice_importer.place.source import not_here
from sluice_importer.plan.paths import confine
from sluice_importer.plan.values import ManifestFile
from sluice_importer.work.refusals import NOT_HERE, as_stop
from sluice_importer.work.values import Again, Job, Source, blocked, failed, waiting

R = TypeVar("R")

GONE = "download_gone"
REPLACED = "download_replaced"
LONGEST_LIST = 1_000_000


class Claims:
    """What the clients say, at this moment, about what is to be imported."""

    def __init__(
        self, bus: Bus, replica: Replica, clients: Mapping[str, ClientSettings], new_id: Callable[[], str]
    ) -> None:
        self._bus = bus
        self._replica = replica
        self._clients = clients
        self._new_id = new_id

    async def source(self, job: Job) -> Source:
        """The download's files, all of them here; raises Stop where that is not so."""
        settings = self._clients.get(job.client)
        if settings is None:
            raise waiting("unknown_client", f"the client {job.client!r} is not in the configuration")
        row = await self._row(job)
        files = await self._files(job)
        root = _root(row, settings)
        await asyncio.to_thread(_all_here, root, files)
        wanted = row.size if row.size is not None else sum(file.size for file in files if file.wanted)
        return Source(root=root, name=row.name or job.name, wanted=wanted, files=files)

    async def _row(self, job: Job) -> Download:
        row = (await self._ask(job, "look", Look(id=job.download_id), Seen)).row
        if row is None:
            raise self._absent(job)
        if row.epoch != job.epoch:
            raise self._replaced(job)
        if not row.is_complete:
            raise waiting("not_complete", "the client is not finished with it: it downloads, checks or moves it again")
        return row

    def _absent(self, job: Job) -> Exception:
        """Only a committed removal is believed; a client that just started may list nothing for a moment."""
        table = self._replica.table(job.client)
        if table is None or job.download_id in table.rows:
            return waiting("not_in_client", "the client does not list it at this moment")
        return failed(GONE, "it left the client before it was imported; add it again", Again.NEVER)

    def _replaced(self, job: Job) -> Exception:
        table = self._replica.table(job.client)
        row = table.rows.get(job.download_id) if table is not None else None
        if row is None or row.epoch == job.epoch:
            return waiting("not_in_client", "the client has just added it anew")
        return failed(REPLACED, "it was removed and added again; the new one is imported by itself", Again.NEVER)

    async def _files(self, job: Job) -> tuple[ManifestFile, ...]:
        files: list[RemoteFile] = []
        start: int | None = 0
        while start is not None and len(files) < LONGEST_LIST:
            page = await self._ask(job, "files", FilesOf(id=job.download_id, start=start), Files)
            files.extend(page.items)
            start = page.next if page.next is not None and page.next > start else None
        if not files:
            raise waiting("no_file_list", "the client lists no files for it yet")
        return tuple(ManifestFile(path=file.path, size=file.size, wanted=file.wanted) for file in files)

    async def _ask(self, job: Job, verb: str, body: object, kind: type[R]) -> R:
        subject = subjects.command(job.client, verb)
        try:
            return await call(self._bus, subject, body, kind, request_id=self._new_id(), actor="importer")
        except Problem as problem:
            if problem.status == 404:
                raise self._absent(job) from problem
            raise waiting("client_unavailable", f"{job.client} cannot be asked now: {problem.detail}") from problem


def _root(row: Download, settings: ClientSettings) -> Path:
    root = to_ours(row.save_path or "", settings.paths)
    if root is None:
        raise blocked(
            "unmapped_path",
            f"the client saves to {row.save_path!r}, which none of clients.{row.client}.paths maps to a path here",
            Again.SOON,
        )
    return root


def _all_here(root: Path, files: Sequence[ManifestFile]) -> None:
    """Blocking. Files whose paths could climb are not looked for; the plan refuses them."""
    if not root.is_dir():
        raise waiting(
            "source_missing",
            f"{root} is not there: is the client's disk mounted here, are the client's `paths` right?",
        )
    expected = [file for file in files if file.wanted and not isinstance(confine(file.path), str)]
    refused = [why for file in expected if (why := not_here(root, file.path, file.size)) is not None]
    hopeless = next((why for why in refused if why.code not in NOT_HERE), None)
    if hopeless is not None:
        raise as_stop(hopeless)
    if refused:
        here = f"{len(expected) - len(refused)} of {len(expected)} files"
        raise waiting("not_here_yet", f"{here} are here with the size that the client tells")
