"""What a download is for: its association, else its names against the catalogue, else a person. No disk."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

import msgspec

from sluice_common.db.pool import Database
from sluice_common.kit.clock import Clock
from sluice_common.kit.settings import LibrarySettings
from sluice_importer.catalogue import libraries as configured
from sluice_importer.catalogue import store as catalogue
from sluice_importer.match.index import Index
from sluice_importer.match.matching import Readings, match
from sluice_importer.match.values import Match, MediaItem, NewItem, Outcome, Policy, Unknown
from sluice_importer.plan.kinds import FileKind, kind_of
from sluice_importer.work.values import Job, Source, Stop, blocked
from sluice_names import Release, readings

_KIND_OF = {"movie": "movie", "series": "series"}
_MOST_NAMES = 200


class Identity(msgspec.Struct, frozen=True):
    """The item, what the download's name says, and the library that it goes to."""

    item: MediaItem
    release: Release
    library: LibrarySettings


class Identify:
    """Decides by the catalogue as it is now."""

    def __init__(
        self, db: Database, libraries: Mapping[str, LibrarySettings], clock: Clock, new_id: Callable[[], str]
    ) -> None:
        self._db = db
        self._libraries = libraries
        self._clock = clock
        self._new_id = new_id

    async def identity(self, job: Job, source: Source) -> Identity:
        """What the download is for; raises Stop where a person has to say so."""
        named, files = await asyncio.to_thread(_read, source)
        release = named[0].release
        defaults = configured.defaults(self._libraries)
        async with self._db.connection() as connection:
            items = await catalogue.known(connection, defaults)
        policy = self._policy(release, defaults)
        outcome = await asyncio.to_thread(
            lambda: match(Index(items), named, files, association=job.bound_item, policy=policy)
        )
        item = await self._decided(outcome, defaults)
        library = self._libraries.get(item.library)
        if library is None:
            raise blocked("no_library", _no_library(item))
        return Identity(item, release, library)

    def _policy(self, release: Release, defaults: Mapping[str, str]) -> Policy:
        """An unknown work would go to its kind's default library, so that one's policy holds."""
        name = defaults.get(_KIND_OF.get(release.kind.value, ""), "")
        library = self._libraries.get(name)
        return "known-only" if library is None else library.unknown

    async def _decided(self, outcome: Outcome, defaults: dict[str, str]) -> MediaItem:
        match outcome:
            case Match(item):
                return item
            case NewItem():
                return await self._make(outcome, defaults)
            case Unknown():
                raise _unknown(outcome)

    async def _make(self, new: NewItem, defaults: dict[str, str]) -> MediaItem:
        async with self._db.connection() as connection:
            made = await catalogue.ensure(
                connection, self._new_id(), new.kind, new.title, new.year, defaults.get(new.kind), self._clock.now()
            )
        library = made.library or defaults.get(new.kind, "")
        return MediaItem(id=made.id, kind=new.kind, title=made.title, year=made.year, library=library)


def _read(source: Source) -> tuple[Readings, list[Readings]]:
    """Blocking: a name costs up to a millisecond."""
    videos = [file.path.rpartition("/")[2] for file in source.files if kind_of(file.path) is FileKind.VIDEO]
    return readings(source.name), [readings(name) for name in videos[:_MOST_NAMES]]


def _unknown(outcome: Unknown) -> Stop:
    names = "; ".join(_shown(item) for item in outcome.candidates)
    if outcome.code == "ambiguous_match":
        which = "Say which: sluice imports retry IMPORT --media ITEM"
        return blocked(outcome.code, f"it may be {names} ({outcome.why}). {which}")
    near = f" Similar: {names}." if names else ""
    return blocked(outcome.code, f"no media item fits its name.{near} Create the item, then retry the import")


def _shown(item: MediaItem) -> str:
    year = f" ({item.year})" if item.year is not None else ""
    return f"{item.title}{year} [{item.kind} {item.id}]"


def _no_library(item: MediaItem) -> str:
    if item.library:
        return f"{_shown(item)} belongs to the library {item.library!r}, which is not in the configuration"
    return f"the configuration has no library for {_shown(item)}"
