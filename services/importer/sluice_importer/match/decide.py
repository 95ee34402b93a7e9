"""Which item of the catalogue a name means, how sure that is, and why. Pure; a wrong guess is worse than none.

A title that exists beats a title that parses; titles beat alternative titles, and an alternative title of two items
decides nothing; a season and episode that exist beat a number that could be a resolution or a year.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from sluice_importer.match.index import CatalogueIndex
from sluice_importer.match.numbering import OF_A_FILM, Numbering, needs_numbers, numbering
from sluice_importer.match.values import Match, MediaItem, MediaKind, Numbers, Unknown
from sluice_names import Kind, Reading, Release, fold_title

# Below this nobody is bound to anything; a person is asked.
THRESHOLD = 0.8
# Two items whose confidences are closer than this are both candidates.
_CLOSE = 0.1
KINDS: dict[Kind, MediaKind] = {Kind.MOVIE: "movie", Kind.SERIES: "series"}


class Fit(msgspec.Struct, frozen=True):
    """An item that a reading may mean."""

    item: MediaItem
    episodes: tuple[Numbers, ...]
    confidence: float
    why: str


def decide(index: CatalogueIndex, readings: Sequence[Reading]) -> Match | Unknown:
    """The item that the readings of one name mean, else the candidates."""
    fits = sorted(fits_of(index, readings), key=lambda fit: -fit.confidence)
    if not fits:
        return Unknown(code="unknown_media", candidates=_similar(index, readings), why="no title of the catalogue fits")
    best = fits[0]
    close = unique(fit.item for fit in fits if round(best.confidence - fit.confidence, 2) < _CLOSE)
    if len(close) > 1:
        return Unknown(code="ambiguous_match", candidates=close, why=f"{len(close)} items fit as well")
    if best.confidence < THRESHOLD:
        return Unknown(code="ambiguous_match", candidates=unique(fit.item for fit in fits), why=best.why)
    return Match(best.item, best.episodes, best.confidence, best.why)


def fits_of(index: CatalogueIndex, readings: Iterable[Reading]) -> list[Fit]:
    """Every item that any reading may mean, an item once for each."""
    found: list[Fit] = []
    for reading in readings:
        for item, doubt, why in _titled(index, reading.release):
            numbers = _numbering(index, reading.release, item)
            if reading.must_exist and not numbers.exists:
                continue
            lost = reading.doubt + doubt + numbers.doubt
            words = f"{why}; {numbers.why}" if numbers.why else why
            found.append(Fit(item, numbers.episodes, round(max(0.0, 1 - lost), 2), words))
    return found


def unique(items: Iterable[MediaItem]) -> tuple[MediaItem, ...]:
    """Each item once, in order."""
    return tuple({item.id: item for item in items}.values())


def _titled(index: CatalogueIndex, release: Release) -> list[tuple[MediaItem, float, str]]:
    """The items of this title: by their titles, else by their alternative ones, else with blanks left out."""
    folded = fold_title(release.title)
    for found, doubt, why in (
        (index.titled(folded), 0.0, "its title"),
        (index.aliased(folded), 0.02, "an alternative title"),
        (index.run_together(folded), 0.05, "its title, blanks aside"),
    ):
        fitting = [(item, doubt + lost, why) for item in found if (lost := _lost(item, release)) is not None]
        if fitting:
            same = [fit for fit in fitting if release.year is not None and fit[0].year == release.year]
            return same or fitting
    return []


def _lost(item: MediaItem, release: Release) -> float | None:
    """What kind and year take from the confidence; None where they rule the item out.

    Names often give the year of a film's release elsewhere, which is one off.
    """
    if release.kind is not Kind.UNKNOWN and KINDS[release.kind] != item.kind:
        return None
    if needs_numbers(release) and item.kind != "series":
        return None
    if release.year is None or item.year is None:
        return 0.03
    if release.year == item.year:
        return 0.0
    return 0.15 if item.kind == "movie" and abs(release.year - item.year) == 1 else None


def _numbering(index: CatalogueIndex, release: Release, item: MediaItem) -> Numbering:
    if item.kind == "movie":
        return OF_A_FILM
    return numbering(release, index.episodes(item.id))


def _similar(index: CatalogueIndex, readings: Sequence[Reading]) -> tuple[MediaItem, ...]:
    if not readings:
        return ()
    release = readings[0].release
    near = index.similar(fold_title(release.title))
    return tuple(item for item in near if release.kind is Kind.UNKNOWN or KINDS[release.kind] == item.kind)
