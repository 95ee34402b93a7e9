"""The SQL of what an item has: its episodes, and the files that are registered for it. Only reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from sluice_common.contracts.catalogue import Episode, EpisodeNumber, EpisodesOf, FilesIn, LibraryFile

if TYPE_CHECKING:
    from sluice_common.db.pool import Connection


async def episodes(
    connection: Connection, asked: EpisodesOf, after: tuple[int, int] | None, limit: int
) -> list[Episode]:
    """In order of season and number, after a position."""
    rows = await connection.fetch(
        "SELECT e.season, e.number, e.absolute, e.air_date, e.title, e.scene_season, e.scene_number, e.scene_absolute, "
        "(SELECT count(*) FROM library.file_episodes f WHERE f.episode = e.id) AS files FROM library.episodes e "
        "WHERE e.media_item = $1 AND ($2::int IS NULL OR e.season = $2) AND (e.season, e.number) > ($3, $4) "
        "ORDER BY e.season, e.number LIMIT $5",
        asked.id,
        asked.season,
        *(after or (-1, -1)),
        limit,
    )
    return [msgspec.convert(dict(row), Episode) for row in rows]


async def files(connection: Connection, asked: FilesIn, after: tuple[str, str] | None, limit: int) -> list[LibraryFile]:
    """In order of library and path, after a position."""
    rows = await connection.fetch(
        "SELECT f.library, f.path, f.size, f.method, f.media_item, f.resolution, f.source, f.codec, "
        "f.release_group AS group, f.languages, f.import_id, f.checksum, f.registered_at, "
        "(SELECT array_agg(ARRAY[e.season, e.number] ORDER BY e.season, e.number) FROM library.file_episodes x "
        "JOIN library.episodes e ON e.id = x.episode WHERE x.file = f.id) AS episodes FROM library.files f "
        "WHERE ($1::text IS NULL OR f.media_item = $1) AND ($2::text IS NULL OR f.library = $2) "
        "AND (f.library, f.path) > ($3, $4) ORDER BY f.library, f.path LIMIT $5",
        asked.id,
        asked.library,
        *(after or ("", "")),
        limit,
    )
    return [msgspec.convert({**dict(row), "episodes": _numbers(row["episodes"])}, LibraryFile) for row in rows]


def _numbers(pairs: list[list[int]] | None) -> tuple[EpisodeNumber, ...]:
    return tuple(EpisodeNumber(season=season, number=number) for season, number in pairs or ())
