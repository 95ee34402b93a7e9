"""What guessit alone makes of the names, judged by the same lines: `make names BASELINE=1`."""

from __future__ import annotations

from datetime import date
from typing import Any

from guessit import guessit

from names.sets import Case
from sluice_names import Kind, Release


def read(case: Case) -> Release:
    """guessit's answer as a release; an absolute number where it gives no season, as its users take it,
    and a part as one of season 1."""
    found: dict[str, Any] = dict(guessit(case.name))
    seasons, numbers = _numbers(found.get("season")), _numbers(found.get("episode"))
    if not seasons and not numbers:
        numbers = _numbers(found.get("part"))
        seasons = (1,) if numbers else ()
    absolute = _numbers(found.get("absolute_episode")) or (() if seasons else numbers)
    country = f" {found['country']}" if "country" in found else ""
    title = found.get("title", "")
    return Release(
        title=f"{title if isinstance(title, str) else title[0]}{country}",
        year=found["year"] if isinstance(found.get("year"), int) else None,
        season=seasons[0] if len(seasons) == 1 else None,
        seasons=seasons if len(seasons) > 1 else (),
        episodes=numbers if seasons else (),
        absolute_episodes=absolute,
        air_date=found["date"] if isinstance(found.get("date"), date) else None,
        kind=Kind.MOVIE if found.get("type") == "movie" and "year" in found else Kind.UNKNOWN,
    )


def _numbers(value: object) -> tuple[int, ...]:
    listed = value if isinstance(value, list) else [value]
    return tuple(sorted({number for number in listed if isinstance(number, int)}))
