"""What is answered about imports, libraries and associations. Opens transactions, leaves the work to the rooms."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING

import msgspec

from sluice_common.contracts import doctor, rpc
from sluice_common.contracts import library as contract
from sluice_common.db.pool import Database
from sluice_common.kit.clock import SYSTEM_CLOCK, Clock
from sluice_common.kit.errors import Problem
from sluice_common.kit.settings import ClientSettings, LibrarySettings
from sluice_importer.answering import Methods, reached
from sluice_importer.associate import store as associations
from sluice_importer.catalogue import libraries as configured
from sluice_importer.catalogue import store as catalogue
from sluice_importer.cursors import cursor, limited, position
from sluice_importer.doctor.checkup import Checkup
from sluice_importer.work.bell import Bell
from sluice_importer.work.shown import store as shown

if TYPE_CHECKING:
    from sluice_common.db.pool import Connection

LARGEST_TORRENT = 5 * 1024 * 1024


class Handlers:
    """The methods of `sluice.rpc.importer.*`."""

    def __init__(
        self,
        db: Database,
        clients: Mapping[str, ClientSettings],
        libraries: Mapping[str, LibrarySettings],
        work: Bell,
        outbox: Bell,
        checkup: Checkup,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._db = db
        self._clients = clients
        self._libraries = libraries
        self._work = work
        self._outbox = outbox
        self._checkup = checkup
        self._clock = clock

    def methods(self) -> Methods:
        """Which there are."""
        return {
            "imports.list": (contract.Listing, self.imports_list),
            "imports.get": (contract.ImportId, self.imports_get),
            "imports.retry": (contract.RetryImport, self.imports_retry),
            "libraries.list": (rpc.Empty, self.libraries_list),
            "libraries.init": (contract.LibraryName, self.libraries_init),
            "associate": (contract.Associate, self.associate),
            "association": (contract.AssociationOf, self.association),
            "withdraw": (contract.Withdraw, self.withdraw),
            "source": (contract.SourceOf, self.source),
            "doctor": (doctor.Checkup, self._checkup.answer),
        }

    async def imports_list(self, asked: contract.Listing, _: rpc.Request) -> rpc.Page[contract.Import]:
        """A page, newest first, without files."""
        limit, after = limited(asked.limit), position(asked.cursor)
        async with reached(self._db.connection()) as connection:
            rows = await shown.page(connection, asked, after, limit + 1)
        return rpc.cut(rows, lambda row: cursor(row.created_at, row.id), limit=limit)

    async def imports_get(self, asked: contract.ImportId, _: rpc.Request) -> contract.Import:
        """One import with its files, as many as a reply holds."""
        async with reached(self._db.connection()) as connection:
            found = await shown.one(connection, asked.id)
        if found is None:
            raise Problem("unknown_import", 404, f"there is no import {asked.id}")
        return _bounded(found)

    async def imports_retry(self, asked: contract.RetryImport, request: rpc.Request) -> contract.Import:
        """Try again now, as the item that is named; answers with the import as it waits."""
        async with reached(self._db.transaction()) as connection:
            await _check_item(connection, asked.media_item)
            await shown.retry(connection, asked.id, asked.media_item, self._clock.now())
        self._work.ring()
        self._outbox.ring()
        return await self.imports_get(contract.ImportId(id=asked.id), request)

    async def libraries_list(self, _: rpc.Empty, __: rpc.Request) -> contract.Libraries:
        """All of them, each with what keeps it from being filled."""
        async with reached(self._db.connection()) as connection:
            files = await catalogue.files_per_library(connection)
        asked = [
            asyncio.to_thread(configured.status, name, library, files.get(name, 0))
            for name, library in sorted(self._libraries.items())
        ]
        return contract.Libraries(tuple(await asyncio.gather(*asked)))

    async def libraries_init(self, asked: contract.LibraryName, _: rpc.Request) -> contract.LibraryStatus:
        """Mark the root; imports that wait for it go on by themselves."""
        library = configured.find(self._libraries, asked.name)
        await asyncio.to_thread(configured.initialise, asked.name, library)
        async with reached(self._db.connection()) as connection:
            files = await catalogue.files_per_library(connection)
        return await asyncio.to_thread(configured.status, asked.name, library, files.get(asked.name, 0))

    async def associate(self, asked: contract.Associate, _: rpc.Request) -> contract.Association:
        """Note what a download is for, before it is added."""
        self._check(asked)
        async with reached(self._db.transaction()) as connection:
            await _check_item(connection, asked.media_item)
            return await associations.upsert(connection, asked, self._clock.now())

    def _check(self, asked: contract.Associate) -> None:
        if asked.client not in self._clients:
            raise Problem("unknown_client", 404, f"there is no client {asked.client!r} in the configuration")
        if (asked.source.magnet is None) == (asked.source.torrent is None):
            raise Problem("bad_source", 422, "a source is a magnet or a .torrent, one of them")
        if asked.source.torrent is not None and len(asked.source.torrent) > LARGEST_TORRENT:
            raise Problem("too_large", 413, f"a .torrent over {LARGEST_TORRENT} bytes is not kept")

    async def association(self, asked: contract.AssociationOf, _: rpc.Request) -> contract.Association:
        """What a download is for."""
        async with reached(self._db.connection()) as connection:
            found = await associations.of(connection, asked.client, asked.download_id)
        if found is None:
            raise Problem("unknown_association", 404, f"nobody said what {asked.download_id} is for")
        return found

    async def withdraw(self, asked: contract.Withdraw, _: rpc.Request) -> rpc.Empty:
        """The add was refused: what it would have been for is forgotten."""
        async with reached(self._db.connection()) as connection:
            await associations.withdraw(connection, asked.request_id)
        return rpc.Empty()

    async def source(self, asked: contract.SourceOf, _: rpc.Request) -> contract.Source:
        """Where a download came from, for adding it again."""
        if not 0 <= asked.start <= LARGEST_TORRENT:
            raise Problem("bad_start", 400, "the offset lies outside any .torrent")
        async with reached(self._db.connection()) as connection:
            found = await associations.source(connection, asked.client, asked.download_id, asked.start)
        if found is None:
            detail = f"it is not known where {asked.download_id} came from: it was not added through Sluice"
            raise Problem("unknown_source", 404, detail)
        return found


async def _check_item(connection: Connection, item_id: str | None) -> None:
    if item_id is not None and not await catalogue.exists(connection, item_id):
        raise catalogue.unknown(item_id)


def _bounded(found: contract.Import) -> contract.Import:
    """A reply is at most a page: of ten thousand files the first ones are told, and how many there are."""
    page = rpc.cut(found.files, lambda file: file.path, limit=len(found.files) or 1)
    return msgspec.structs.replace(found, files=page.items)
