"""What is answered about the catalogue. Checks, opens the transaction, and leaves the work to the SQL's modules."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sluice_common.contracts import catalogue as contract
from sluice_common.contracts import library, rpc
from sluice_common.db.pool import Database
from sluice_common.kit.clock import Clock
from sluice_common.kit.errors import Problem
from sluice_common.kit.settings import LibrarySettings
from sluice_importer.answering import Methods, reached
from sluice_importer.catalogue import holdings, libraries, merging, store
from sluice_importer.catalogue.entries import check_kind, check_year, titled
from sluice_importer.cursors import cursor, limited, numbers, position, words

MOST_ENTRIES = 500


class CatalogueHandlers:
    """The methods of `sluice.rpc.importer.media.*`."""

    def __init__(
        self, db: Database, configured: Mapping[str, LibrarySettings], new_id: Callable[[], str], clock: Clock
    ) -> None:
        self._db = db
        self._libraries = configured
        self._new_id = new_id
        self._clock = clock

    def methods(self) -> Methods:
        """Which there are."""
        return {
            "media.create": (library.NewMediaItem, self.create),
            "media.get": (library.MediaItemId, self.get),
            "media.rename": (library.RenamedMediaItem, self.rename),
            "media.remove": (library.MediaItemId, self.remove),
            "media.list": (library.Listing, self.list),
            "media.import": (contract.Entries, self.merge),
            "media.episodes": (contract.EpisodesOf, self.episodes),
            "media.files": (contract.FilesIn, self.files),
        }

    async def create(self, asked: library.NewMediaItem, _: rpc.Request) -> library.KnownMediaItem:
        """The new item, or the one there is."""
        check_kind(asked.kind)
        check_year(asked.year)
        title = titled(asked.title)
        if asked.library is not None:
            libraries.check_kind(self._libraries, asked.library, asked.kind)
        async with reached(self._db.connection()) as connection:
            return await store.ensure(
                connection, self._new_id(), asked.kind, title, asked.year, asked.library, self._clock.now()
            )

    async def get(self, asked: library.MediaItemId, _: rpc.Request) -> library.MediaItem:
        """One item."""
        async with reached(self._db.connection()) as connection:
            return await store.one(connection, asked.id)

    async def rename(self, asked: library.RenamedMediaItem, _: rpc.Request) -> library.MediaItem:
        """Its title from now on; what is filed keeps its place and name."""
        check_year(asked.year)
        title = titled(asked.title)
        async with reached(self._db.transaction()) as connection:
            return await store.rename(connection, asked.id, title, asked.year)

    async def remove(self, asked: library.MediaItemId, _: rpc.Request) -> library.MediaItem:
        """Forget an item that nothing depends on."""
        async with reached(self._db.transaction()) as connection:
            return await store.remove(connection, asked.id)

    async def list(self, asked: library.Listing, _: rpc.Request) -> rpc.Page[library.MediaItem]:
        """A page, newest first; `search` is part of a title as people say it."""
        limit, after = limited(asked.limit), position(asked.cursor)
        async with reached(self._db.connection()) as connection:
            rows = await store.page(connection, kind=asked.kind, search=asked.search, after=after, limit=limit + 1)
        return rpc.cut(rows, lambda row: cursor(row.created_at, row.id), limit=limit)

    async def merge(self, asked: contract.Entries, _: rpc.Request) -> contract.Merged:
        """Every entry that can be made known; the others with what is wrong with them."""
        if len(asked.items) > MOST_ENTRIES:
            raise Problem("too_many", 422, f"at most {MOST_ENTRIES} entries at a time; send the rest after these")
        changes: list[merging.Change] = []
        problems: list[contract.EntryProblem] = []
        async with reached(self._db.transaction()) as connection:
            await merging.lock(connection)
            for number, entry in enumerate(asked.items):
                try:
                    changes.append(
                        await merging.take(connection, entry, self._libraries, self._new_id, self._clock.now())
                    )
                except Problem as problem:
                    problems.append(merging.left_out(number, entry, problem))
        return _summed(changes, tuple(problems))

    async def episodes(self, asked: contract.EpisodesOf, _: rpc.Request) -> rpc.Page[contract.Episode]:
        """A page in the order of the series."""
        limit, after = limited(asked.limit), numbers(asked.cursor)
        async with reached(self._db.connection()) as connection:
            await store.one(connection, asked.id)
            rows = await holdings.episodes(connection, asked, after, limit + 1)
        return rpc.cut(rows, lambda row: cursor(row.season, row.number), limit=limit)

    async def files(self, asked: contract.FilesIn, _: rpc.Request) -> rpc.Page[contract.LibraryFile]:
        """A page by library and path."""
        limit, after = limited(asked.limit), words(asked.cursor)
        if asked.library is not None:
            libraries.find(self._libraries, asked.library)
        async with reached(self._db.connection()) as connection:
            if asked.id is not None:
                await store.one(connection, asked.id)
            rows = await holdings.files(connection, asked, after, limit + 1)
        return rpc.cut(rows, lambda row: cursor(row.library, row.path), limit=limit)


def _summed(changes: list[merging.Change], problems: tuple[contract.EntryProblem, ...]) -> contract.Merged:
    outcomes = [change.outcome for change in changes]
    return contract.Merged(
        created=outcomes.count("created"),
        updated=outcomes.count("updated"),
        unchanged=outcomes.count("unchanged"),
        episodes=sum(change.episodes for change in changes),
        problems=problems,
    )
