"""Sonarr's and Radarr's replies to what the catalogue takes and the queue shows. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date

import msgspec

from sluice_arr import wire
from sluice_common.contracts.apps import AppDownload
from sluice_common.contracts.catalogue import Entry, NewEpisode

# The settings under which their download clients keep the category, in each implementation.
_CATEGORY_FIELDS = frozenset({"tvCategory", "movieCategory", "category"})
_LONGEST = 2000


def series(told: wire.Series, episodes: Iterable[wire.Episode]) -> Entry:
    """A series with its episodes."""
    return Entry(
        kind="series",
        title=told.title,
        year=told.year or None,
        sort_title=told.sort_title or None,
        alternative_titles=_titles(told.alternate_titles),
        external_ids=_ids(tvdb=told.tvdb_id, tmdb=told.tmdb_id, imdb=told.imdb_id),
        episodes=_unique(_episode(one) for one in episodes),
    )


def movie(told: wire.Movie) -> Entry:
    """A movie; its original title is one more that it goes by."""
    original = (told.original_title,) if told.original_title else ()
    return Entry(
        kind="movie",
        title=told.title,
        year=told.year or None,
        sort_title=told.sort_title or None,
        alternative_titles=(*original, *_titles(told.alternate_titles)),
        external_ids=_ids(tmdb=told.tmdb_id, imdb=told.imdb_id),
    )


def _titles(told: Iterable[wire.AlternateTitle]) -> tuple[str, ...]:
    """A title of one season only is the series' too: the season is in the name besides."""
    return tuple(one.title for one in told if one.title.strip())


def _ids(**told: int | str | None) -> dict[str, str]:
    return {source: str(value) for source, value in told.items() if value}


def _episode(told: wire.Episode) -> NewEpisode:
    return NewEpisode(
        season=told.season_number,
        number=told.episode_number,
        absolute=told.absolute_episode_number,
        air_date=_date(told.air_date),
        title=told.title,
        scene_season=told.scene_season_number,
        scene_number=told.scene_episode_number,
        scene_absolute=told.scene_absolute_episode_number,
    )


def _unique(episodes: Iterable[NewEpisode]) -> tuple[NewEpisode, ...]:
    """The first of each number: an app that tells one twice is no reason to know none."""
    found: dict[tuple[int, int], NewEpisode] = {}
    for one in episodes:
        found.setdefault((one.season, one.number), one)
    return tuple(found.values())


def _date(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        return None


def downloads(records: Iterable[wire.QueueRecord]) -> tuple[AppDownload, ...]:
    """A line per download, of all its records: the worst verdict, and every sentence once.

    Ids are lower-case as ours are; a record without one waits for a client and is nobody's download.
    """
    by_download: dict[str, list[wire.QueueRecord]] = defaultdict(list)
    for record in records:
        if record.download_id:
            by_download[record.download_id.lower()].append(record)
    return tuple(_download(download_id, group) for download_id, group in by_download.items())


def _download(download_id: str, records: Sequence[wire.QueueRecord]) -> AppDownload:
    worst = max(records, key=lambda record: _SEVERITY.get(record.tracked_download_status or "", 0))
    return AppDownload(
        id=download_id,
        state=worst.tracked_download_state or worst.status or "unknown",
        status=worst.tracked_download_status or "ok",
        messages=tuple(dict.fromkeys(words for record in records for words in _words(record))),
    )


_SEVERITY = {"ok": 0, "warning": 1, "error": 2}


def _words(record: wire.QueueRecord) -> Iterable[str]:
    if record.error_message:
        yield record.error_message[:_LONGEST]
    for message in record.status_messages or ():
        for words in message.messages or ():
            named = message.title and message.title != record.title
            yield (f"{message.title}: {words}" if named else words)[:_LONGEST]


def categories(clients: Iterable[wire.DownloadClient]) -> dict[str, frozenset[str]]:
    """The categories that each of the app's enabled download clients uses, by the name it has there."""
    found: dict[str, frozenset[str]] = {}
    for client in clients:
        values = (_text(field.value) for field in client.fields if field.name in _CATEGORY_FIELDS)
        if client.enable:
            found[client.name] = frozenset(value for value in values if value)
    return found


def _text(raw: msgspec.Raw) -> str | None:
    value = msgspec.json.decode(raw)
    return value if isinstance(value, str) else None
