"""What may stand in the catalogue: titles, years, ids and episodes as they are kept. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping

import msgspec

from sluice_common.contracts.catalogue import Entry, NewEpisode
from sluice_common.kit.errors import Problem
from sluice_importer.catalogue.libraries import KIND_OF
from sluice_names import fold_title

LONGEST_TITLE = 300
MOST_ALIASES = 200
MOST_EPISODES = 20_000
YEARS = range(1850, 2200)
_LARGEST_NUMBER = 99_999
_SOURCE = re.compile(r"[a-z][a-z0-9_]{0,15}")
_VALUE = re.compile(r"[!-~]{1,64}")


def folded(title: str) -> str:
    """The form in which titles are compared; one without a letter or digit is compared as it is."""
    return fold_title(title) or title.casefold()


def titled(title: str) -> str:
    """The title with single blanks. Raises Problem bad_title."""
    title = " ".join(title.split())
    if not title or len(title) > LONGEST_TITLE or not title.isprintable():
        raise Problem("bad_title", 422, f"a title has 1 to {LONGEST_TITLE} printable characters")
    return title


def check_kind(kind: str) -> None:
    """Raises Problem bad_kind."""
    if kind not in KIND_OF:
        raise Problem("bad_kind", 422, f"a media item is a movie or a series, not {kind!r}")


def check_year(year: int | None) -> None:
    """Raises Problem bad_year for one that no movie or series has."""
    if year is not None and year not in YEARS:
        raise Problem("bad_year", 422, f"{year} is not a year of a movie or series")


def checked(entry: Entry) -> Entry:
    """The entry as it is kept; raises Problem with what is wrong in it first."""
    check_kind(entry.kind)
    check_year(entry.year)
    title = titled(entry.title)
    return msgspec.structs.replace(
        entry,
        title=title,
        sort_title=titled(entry.sort_title) if entry.sort_title else None,
        alternative_titles=_aliases(title, entry.alternative_titles),
        external_ids=_ids(entry.external_ids),
        episodes=_episodes(entry.kind, entry.episodes),
    )


def _aliases(title: str, told: Iterable[str]) -> tuple[str, ...]:
    """Each once, by the form in which they are compared; one that says what the title says adds nothing."""
    kept = {folded(title): title}
    for alias in told:
        if alias.strip():
            kept.setdefault(folded(alias), titled(alias))
    aliases = tuple(kept.values())[1:]
    if len(aliases) > MOST_ALIASES:
        raise Problem("too_many_titles", 422, f"an item has at most {MOST_ALIASES} alternative titles")
    return aliases


def _ids(told: Mapping[str, str]) -> dict[str, str]:
    ids = {source.strip().lower(): value.strip() for source, value in told.items() if value.strip()}
    for source, value in ids.items():
        if not _SOURCE.fullmatch(source) or not _VALUE.fullmatch(value):
            raise Problem(
                "bad_external_id",
                422,
                "an external id is a source of 1 to 16 of a-z, 0-9 and _ (imdb, tmdb, tvdb) and a value of 1 to 64 "
                "characters without blanks",
            )
    return ids


def _episodes(kind: str, told: tuple[NewEpisode, ...]) -> tuple[NewEpisode, ...]:
    if not told:
        return ()
    if kind != "series":
        raise Problem("bad_episode", 422, "only a series has episodes")
    if len(told) > MOST_EPISODES:
        raise Problem("too_many_episodes", 422, f"a series has at most {MOST_EPISODES} episodes")
    twice = [key for key, count in Counter((one.season, one.number) for one in told).items() if count > 1]
    if twice:
        season, number = twice[0]
        raise Problem("bad_episode", 422, f"season {season} has the episode {number} twice; give each once")
    return tuple(_episode(one) for one in told)


def _episode(told: NewEpisode) -> NewEpisode:
    numbers = (told.season, told.number, told.absolute, told.scene_season, told.scene_number, told.scene_absolute)
    if any(number is not None and not 0 <= number <= _LARGEST_NUMBER for number in numbers):
        raise Problem("bad_episode", 422, f"a season and an episode are numbers from 0 to {_LARGEST_NUMBER}")
    return msgspec.structs.replace(told, title=titled(told.title[:LONGEST_TITLE]) if told.title else None)
