"""What names cost: one read for the first time and again, one that is meant to be slow, and one decided by a catalogue.

CPU time, so that other work on the machine does not count. Alone, without the products that the other parts install:

    PYTHONPATH=tests .venv/bin/python -m bench.names
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable
from datetime import date, timedelta
from random import Random

from bench.figures import SEED, Sheet
from names.naughty import naughty
from names.sets import SETS, cases
from sluice_importer.match.decide import decide
from sluice_importer.match.index import Index
from sluice_importer.match.values import Episode, MediaItem
from sluice_names import parse_path, readings

SERIES, SEASONS, PER_SEASON = 5000, 4, 10
SHEET = Sheet("names", "rules", SERIES).name
_SYLLABLES = "ka ri mo ten sol bra vel dor min ash lu per no gha ost win tri el fa zu"


def measure() -> Sheet:
    """Milliseconds a name."""
    sheet = Sheet("names", "rules", SERIES)
    names = [case.name for which in SETS for case in cases(which)]
    sheet.add_spread("cold", _each(parse_path, names), "ms", high=99)
    sheet.add_spread("cached", _each(parse_path, names), "ms", high=99)
    sheet.add("naughty_slowest", max(_each(parse_path, naughty())), "ms")
    index, asked = catalogue(), asked_of()
    read = _each(readings, asked)
    sheet.add_spread(
        "match",
        [a + b for a, b in zip(read, _each(lambda name: decide(index, readings(name)), asked), strict=True)],
        "ms",
        high=99,
    )
    return sheet


def catalogue() -> Index:
    """5,000 series of 40 episodes each, some titles years and numbers, each with another title."""
    items = [
        MediaItem(id=str(n), kind="series", title=title, library="tv", alternative_titles=(f"{title} the series {n}",))
        for n, title in enumerate(titles())
    ]
    return Index(items, {item.id: tuple(_episodes(n)) for n, item in enumerate(items)})


def titles() -> list[str]:
    """Two or three invented words each, all different."""
    random, made = Random(SEED), dict[str, None]()
    while len(made) < SERIES:
        words = ("".join(random.choices(_SYLLABLES.split(), k=2)).title() for _ in range(random.randint(2, 3)))
        made[" ".join(words)] = None
    return list(made)


def asked_of() -> list[str]:
    """Names of every 20th series, of each kind that the catalogue decides."""
    chosen = [title.replace(" ", ".") for title in titles()[::20]]
    shapes = (
        "{}.S02E03.1080p.WEB.H264-GRP",
        "{}.213.HDTV.XviD",
        "[Group] {} - 17 [1080p]",
        "{}.Part.2.720p",
        "{}.S03.1080p",
    )
    return [
        shape.format(title)
        for n, title in enumerate(chosen)
        for shape in (shapes[n % len(shapes)], f"Not.{title}.S01E01")
    ]


def _episodes(series: int) -> Iterable[Episode]:
    begin = date(2000, 1, 1) + timedelta(days=series)
    for number in range(SEASONS * PER_SEASON):
        season, episode = divmod(number, PER_SEASON)
        aired = begin + timedelta(weeks=number)
        yield Episode(season=season + 1, number=episode + 1, absolute=number + 1, air_date=aired)


def _each(work: Callable[[str], object], names: Iterable[str]) -> list[float]:
    spent: list[float] = []
    for name in names:
        began = time.process_time()
        work(name)
        spent.append((time.process_time() - began) * 1000)
    return spent


def main() -> int:
    """Tell the figures."""
    measure()
    return 0


if __name__ == "__main__":
    sys.exit(main())
