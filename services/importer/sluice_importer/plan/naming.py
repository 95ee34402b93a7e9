"""Where a file goes, relative to its library's root. Pure; every component is made by `safe_component`."""

from __future__ import annotations

import re

from sluice_importer.plan.paths import safe_component
from sluice_importer.plan.values import Work

_SUBTITLE_WORD = re.compile(r"^(?:[a-z]{2,3}|pt-br|zh-(?:cn|tw|hans|hant)|es-419|forced|sdh|default)$")
_MOST_WORDS = 3


def movie_path(work: Work, extension: str) -> str:
    """`Title (Year)/Title (Year).ext`; without a year `Title/Title.ext`."""
    year = f" ({work.year})" if work.year is not None else ""
    return f"{safe_component(work.title, year)}/{safe_component(work.title, f'{year}.{extension}')}"


def episode_path(work: Work, season: int, episodes: tuple[int, ...], extension: str) -> str:
    """`Show/Season 01/Show - S01E01-E02.ext`; specials lie in `Season 00`."""
    numbers = f" - S{season:02d}{_episode_numbers(episodes)}"
    file = safe_component(work.title, f"{numbers}.{extension}")
    return f"{safe_component(work.title)}/Season {season:02d}/{file}"


def subtitle_path(video_target: str, rest: str, extension: str) -> str:
    """Beside its video, under its stem, with the language words that `rest` (`.en.forced`) holds."""
    words = [word for word in re.split(r"[ ._\[\]()]+", rest.lower()) if _SUBTITLE_WORD.match(word)]
    suffix = "".join(f".{word}" for word in words[:_MOST_WORDS])
    return f"{video_target.rpartition('.')[0]}{suffix}.{extension}"


def _episode_numbers(episodes: tuple[int, ...]) -> str:
    """`E01`, a run as `E01-E03`, anything else one by one; a list too long for a name as its first and last."""
    first, last = episodes[0], episodes[-1]
    if len(episodes) == 1:
        return f"E{first:02d}"
    is_run = last - first == len(episodes) - 1
    return f"E{first:02d}-E{last:02d}" if is_run or len(episodes) > 8 else "".join(f"E{n:02d}" for n in episodes)
