"""A download, its name and its files' names, to a media item. Pure; a wrong guess is worse than none."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from sluice_importer.match.decide import KINDS, decide, unique
from sluice_importer.match.index import CatalogueIndex
from sluice_importer.match.values import Match, NewItem, Outcome, Policy, Unknown
from sluice_names import Kind, Reading, Release, fold_title

Readings = Sequence[Reading]


def match(
    index: CatalogueIndex,
    download: Readings,
    files: Iterable[Readings] = (),
    *,
    association: str | None = None,
    policy: Policy = "known-only",
) -> Outcome:
    """Decide what a download whose name reads as `download`, holding media files that read as `files`, is for.

    `association` is the id of the media item that a person bound it to; it beats every name, and an id that the
    catalogue no longer has is `unknown_media`, never a guess. The download's name and its files' names must not
    point at different items.
    """
    if association is not None:
        return _bound(index, download, association)
    kind = download[0].release.kind if download else Kind.UNKNOWN
    named = [decide(index, download), *(decide(index, _of_kind(file, kind)) for file in files)]
    matches = [one for one in named if isinstance(one, Match)]
    items = unique(one.item for one in matches)
    if len(items) == 1:
        return max(matches, key=lambda one: one.confidence) if named[0] not in matches else matches[0]
    unsure = [one for one in named if isinstance(one, Unknown) and one.code == "ambiguous_match"]
    if items or unsure:
        candidates = unique((*items, *(item for one in unsure for item in one.candidates)))
        why = "its names point at different items" if items else unsure[0].why
        return Unknown(code="ambiguous_match", candidates=candidates, why=why)
    return _not_there(named[0], download, policy)


def _bound(index: CatalogueIndex, download: Readings, association: str) -> Outcome:
    item = index.item(association)
    if item is not None:
        return Match(item, why="a person said so")
    folded = fold_title(download[0].release.title) if download else ""
    return Unknown(
        code="unknown_media", candidates=tuple(index.similar(folded)), why="the item it was bound to is gone"
    )


def _of_kind(file: Readings, kind: Kind) -> Readings:
    """A file without a kind of its own has its download's: `01 - Pilot` in a season is not the film Pilot."""
    return [
        one if one.release.kind is not Kind.UNKNOWN else msgspec.structs.replace(one, release=_as(one.release, kind))
        for one in file
    ]


def _as(release: Release, kind: Kind) -> Release:
    return Release(title=release.title, year=release.year, kind=kind)


def _not_there(outcome: Match | Unknown, download: Readings, policy: Policy) -> Outcome:
    release = download[0].release if download else Release()
    if policy == "create" and release.kind is not Kind.UNKNOWN and fold_title(release.title):
        return NewItem(kind=KINDS[release.kind], title=release.title, year=release.year)
    assert isinstance(outcome, Unknown), "nothing matched"
    return outcome
