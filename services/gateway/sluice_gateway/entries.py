"""Lists of media items as people hand them over, JSON or CSV, to what the importer takes. Pure."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from datetime import date

import msgspec

from sluice_common.contracts.catalogue import Entry, NewEpisode
from sluice_common.kit.errors import Problem
from sluice_gateway.schemas import NewMediaList

_ITEM = ("kind", "title", "year", "sort_title", "library", "alternative_titles")
_EPISODE = ("season", "episode", "absolute", "air_date", "episode_title")
_NEEDED = ("kind", "title")
_MOST = 500
_BETWEEN_TITLES = "|"

_Line = Mapping[str, str]
_Key = tuple[str, str, int | None]


def from_json(told: NewMediaList) -> tuple[Entry, ...]:
    """The items in their order."""
    return msgspec.convert(told.items, tuple[Entry, ...], from_attributes=True)


def from_csv(body: bytes, first_line: int = 2) -> tuple[Entry, ...]:
    """The items in the order in which they first appear; lines of one kind, title and year are one item.

    The first line names the columns; one that is none of ours is the source of an external id. Raises Problem with
    the number of the line that cannot be read; `first_line` is that of the first one after the names, for a piece of a
    larger table.
    """
    items: dict[_Key, list[Entry]] = {}
    for number, line in _lines(body, first_line - 2):
        try:
            entry = _entry(line)
        except ValueError as error:
            raise Problem("invalid_request", 400, f"line {number}: {error}") from None
        items.setdefault((entry.kind, entry.title, entry.year), []).append(entry)
    if not items:
        raise Problem("invalid_request", 400, "the table has no line beside its column names")
    if len(items) > _MOST:
        raise Problem("invalid_request", 400, f"at most {_MOST} items at a time; send the rest after these")
    return tuple(_joined(lines) for lines in items.values())


def _lines(body: bytes, skipped: int) -> Iterable[tuple[int, _Line]]:
    """Each line that is not empty with its number; blanks around a value do not count."""
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Problem("invalid_request", 400, "the table is not UTF-8; save it as such") from None
    reader = csv.reader(text.splitlines(), strict=True)
    try:
        columns = [name.strip().lower() for name in next(reader, [])]
        missing = [name for name in _NEEDED if name not in columns]
        if missing or len(set(columns)) < len(columns):
            wrong = f"has no column {missing[0]!r}" if missing else "has two columns of one name"
            every = ", ".join((*_ITEM, *_EPISODE))
            detail = f"the first line {wrong}; it names the columns: {every}, and external ids by source (imdb, tvdb)"
            raise Problem("invalid_request", 400, detail)
        for values in reader:
            if any(value.strip() for value in values):
                if len(values) > len(columns):
                    raise Problem("invalid_request", 400, f"line {reader.line_num + skipped}: more values than columns")
                yield (
                    reader.line_num + skipped,
                    {name: value.strip() for name, value in zip(columns, values, strict=False)},
                )
    except csv.Error as error:
        raise Problem("invalid_request", 400, f"line {reader.line_num + skipped}: {error}") from None


def _entry(line: _Line) -> Entry:
    """Raises ValueError with what is wrong in words."""
    ours = {*_ITEM, *_EPISODE}
    aliases = line.get("alternative_titles", "").split(_BETWEEN_TITLES)
    return Entry(
        kind=line["kind"].lower(),
        title=line["title"],
        year=_number(line, "year"),
        sort_title=line.get("sort_title") or None,
        library=line.get("library") or None,
        alternative_titles=tuple(alias.strip() for alias in aliases if alias.strip()),
        external_ids={name: value for name, value in line.items() if name not in ours and value},
        episodes=_episode(line),
    )


def _episode(line: _Line) -> tuple[NewEpisode, ...]:
    season, number = _number(line, "season"), _number(line, "episode")
    if season is None and number is None:
        return ()
    if season is None or number is None:
        raise ValueError("an episode has a season and an episode, both numbers; season 0 holds the specials")
    aired = line.get("air_date")
    return (
        NewEpisode(
            season=season,
            number=number,
            absolute=_number(line, "absolute"),
            air_date=_date(aired) if aired else None,
            title=line.get("episode_title") or None,
        ),
    )


def _number(line: _Line, name: str) -> int | None:
    text = line.get(name)
    if not text:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise ValueError(f"{name} is {text[:40]!r}, not a number")
    return int(text)


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"air_date is {text[:40]!r}, not a date as 2010-09-27") from None


def _joined(lines: list[Entry]) -> Entry:
    """One item of all its lines; what an earlier one says of the item itself stays."""
    ids = [line.external_ids for line in reversed(lines)]
    return msgspec.structs.replace(
        lines[0],
        sort_title=next((line.sort_title for line in lines if line.sort_title), None),
        library=next((line.library for line in lines if line.library), None),
        alternative_titles=tuple(title for line in lines for title in line.alternative_titles),
        external_ids={source: value for each in ids for source, value in each.items()},
        episodes=tuple(episode for line in lines for episode in line.episodes),
    )
