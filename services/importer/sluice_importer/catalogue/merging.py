"""The SQL that makes entries known: an item found by its ids or its title, and what is new about it added."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

import asyncpg
import msgspec

from sluice_common.contracts.catalogue import Entry, EntryProblem, NewEpisode
from sluice_common.kit.errors import Problem
from sluice_common.kit.settings import LibrarySettings
from sluice_importer.catalogue.entries import MOST_ALIASES, checked, folded
from sluice_importer.catalogue.libraries import check_kind

if TYPE_CHECKING:
    from sluice_common.db.pool import Connection

Outcome = Literal["created", "updated", "unchanged"]
_EPISODE = ("absolute", "air_date", "title", "scene_season", "scene_number", "scene_absolute")


class Change(msgspec.Struct, frozen=True):
    """What an entry changed, and how many episodes were made or changed."""

    item: str
    outcome: Outcome
    episodes: int = 0


async def lock(connection: Connection) -> None:
    """One merge at a time, until the transaction ends: two at once would make an item twice, or wait for each other."""
    await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended('library.catalogue', 0))")


async def take(
    connection: Connection,
    entry: Entry,
    configured: Mapping[str, LibrarySettings],
    new_id: Callable[[], str],
    now: datetime,
) -> Change:
    """Make an entry known, or raise Problem with nothing changed; needs a transaction that holds `lock`."""
    ready = checked(entry)
    if ready.library is not None:
        check_kind(configured, ready.library, ready.kind)
    try:
        async with connection.transaction():
            return await _merge(connection, ready, new_id, now)
    except asyncpg.UniqueViolationError:
        detail = "it was made by somebody else in this very moment; send it again"
        raise Problem("media_item_exists", 409, detail) from None


def left_out(number: int, entry: Entry, problem: Problem) -> EntryProblem:
    """Why an entry is not known, as it is told."""
    return EntryProblem(position=number, title=entry.title[:300], code=problem.code, detail=problem.detail)


async def _merge(connection: Connection, entry: Entry, new_id: Callable[[], str], now: datetime) -> Change:
    """Make a checked entry known; nothing is taken away by what is left out.

    Raises Problem before anything is written: `conflicting_ids` where its ids name two items, `media_item_exists`
    where another item has its kind, title and year.
    """
    item = await _find(connection, entry)
    if item is None:
        item = await _insert(connection, entry, new_id(), now)
        episodes = await _put_episodes(connection, item, entry.episodes)
        return Change(item, "created", episodes)
    changed = await _update(connection, item, entry)
    changed = await _put_ids(connection, item, entry) or changed
    episodes = await _put_episodes(connection, item, entry.episodes)
    return Change(item, "updated" if changed or episodes else "unchanged", episodes)


async def _find(connection: Connection, entry: Entry) -> str | None:
    """The item that is meant, whose title and year the entry may take."""
    item, year = await _by_ids(connection, entry)
    namesake = await _by_title(connection, entry, entry.year if entry.year is not None else year)
    if item is None and namesake is not None:
        await _refuse_other_ids(connection, entry, namesake)
    elif namesake not in (None, item):
        detail = f"its ids name the item {item}, but {namesake} has this title and year; rename or remove one of them"
        raise Problem("media_item_exists", 409, detail)
    return item or namesake


async def _by_ids(connection: Connection, entry: Entry) -> tuple[str | None, int | None]:
    """The item that has one of its ids, and that item's year."""
    if not entry.external_ids:
        return None, None
    rows = await connection.fetch(
        "SELECT DISTINCT m.id, m.year FROM library.external_ids e JOIN library.media_items m ON m.id = e.media_item "
        "JOIN unnest($2::text[], $3::text[]) AS given (source, value) USING (source, value) WHERE e.kind = $1",
        entry.kind,
        list(entry.external_ids),
        list(entry.external_ids.values()),
    )
    if len(rows) > 1:
        items = ", ".join(sorted(row["id"] for row in rows))
        raise Problem("conflicting_ids", 409, f"its external ids name several items: {items}; which one is it?")
    return (rows[0]["id"], rows[0]["year"]) if rows else (None, None)


async def _by_title(connection: Connection, entry: Entry, year: int | None) -> str | None:
    found: str | None = await connection.fetchval(
        "SELECT id FROM library.media_items WHERE kind = $1 AND folded_title = $2 AND year IS NOT DISTINCT FROM $3",
        entry.kind,
        folded(entry.title),
        year,
    )
    return found


async def _refuse_other_ids(connection: Connection, entry: Entry, namesake: str) -> None:
    """A namesake with another id of the same source is another work."""
    rows = await connection.fetch("SELECT source, value FROM library.external_ids WHERE media_item = $1", namesake)
    for row in rows:
        given = entry.external_ids.get(row["source"], row["value"])
        if given != row["value"]:
            detail = f"{namesake} has this title and year, but is {row['source']} {row['value']}, not {given}"
            raise Problem("media_item_exists", 409, detail)


async def _insert(connection: Connection, entry: Entry, item: str, now: datetime) -> str:
    await connection.execute(
        "INSERT INTO library.media_items (id, kind, title, folded_title, year, library, sort_title, "
        "alternative_titles, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        item,
        entry.kind,
        entry.title,
        folded(entry.title),
        entry.year,
        entry.library,
        entry.sort_title,
        list(entry.alternative_titles),
        now,
    )
    await _put_ids(connection, item, entry)
    return item


async def _update(connection: Connection, item: str, entry: Entry) -> bool:
    """The item with what the entry tells; whether that changed anything."""
    row = await connection.fetchrow(
        "SELECT title, year, library, sort_title, alternative_titles FROM library.media_items WHERE id = $1 FOR UPDATE",
        item,
    )
    assert row is not None, "found a moment ago, under the lock"
    after = _told(row, entry)
    if after == dict(row):
        return False
    await connection.execute(
        "UPDATE library.media_items SET title = $2, folded_title = $3, year = $4, library = $5, sort_title = $6, "
        "alternative_titles = $7 WHERE id = $1",
        item,
        after["title"],
        folded(after["title"]),
        after["year"],
        after["library"],
        after["sort_title"],
        after["alternative_titles"],
    )
    return True


def _told(row: Any, entry: Entry) -> dict[str, Any]:
    """The row after the entry; the title that it had becomes an alternative one."""
    titles = {folded(title): title for title in row["alternative_titles"]}
    for title in (row["title"], *entry.alternative_titles):
        titles.setdefault(folded(title), title)
    titles.pop(folded(entry.title), None)
    return {
        "title": entry.title,
        "year": row["year"] if entry.year is None else entry.year,
        "library": entry.library or row["library"],
        "sort_title": entry.sort_title or row["sort_title"],
        "alternative_titles": list(titles.values())[:MOST_ALIASES],
    }


async def _put_ids(connection: Connection, item: str, entry: Entry) -> bool:
    """Whether an id was added or became another."""
    done = await connection.execute(
        "INSERT INTO library.external_ids AS e (media_item, kind, source, value) "
        "SELECT $1, $2, source, value FROM unnest($3::text[], $4::text[]) AS given (source, value) "
        "ON CONFLICT (media_item, source) DO UPDATE SET value = excluded.value WHERE e.value <> excluded.value",
        item,
        entry.kind,
        list(entry.external_ids),
        list(entry.external_ids.values()),
    )
    return _count(done) > 0


async def _put_episodes(connection: Connection, item: str, episodes: tuple[NewEpisode, ...]) -> int:
    """How many were made or changed; what is not told of an episode stays as it was."""
    if not episodes:
        return 0
    columns = [[one.season for one in episodes], [one.number for one in episodes]]
    columns += [[getattr(one, name) for one in episodes] for name in _EPISODE]
    done = await connection.execute(
        "INSERT INTO library.episodes AS e "
        "(media_item, season, number, absolute, air_date, title, scene_season, scene_number, scene_absolute) "
        "SELECT $1, * FROM unnest($2::int[], $3::int[], $4::int[], $5::date[], $6::text[], $7::int[], $8::int[], "
        "$9::int[]) ON CONFLICT (media_item, season, number) DO UPDATE SET "
        "absolute = coalesce(excluded.absolute, e.absolute), air_date = coalesce(excluded.air_date, e.air_date), "
        "title = coalesce(excluded.title, e.title), scene_season = coalesce(excluded.scene_season, e.scene_season), "
        "scene_number = coalesce(excluded.scene_number, e.scene_number), "
        "scene_absolute = coalesce(excluded.scene_absolute, e.scene_absolute) "
        "WHERE (coalesce(excluded.absolute, e.absolute), coalesce(excluded.air_date, e.air_date), "
        "coalesce(excluded.title, e.title), coalesce(excluded.scene_season, e.scene_season), "
        "coalesce(excluded.scene_number, e.scene_number), coalesce(excluded.scene_absolute, e.scene_absolute)) "
        "IS DISTINCT FROM (e.absolute, e.air_date, e.title, e.scene_season, e.scene_number, e.scene_absolute)",
        item,
        *columns,
    )
    return _count(done)


def _count(status: str) -> int:
    """The rows of a command's tag: `INSERT 0 3` is 3."""
    return int(status.rpartition(" ")[2])
