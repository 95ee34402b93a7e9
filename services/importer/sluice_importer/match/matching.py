"""A release to a media item. Pure; a wrong guess is worse than none."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from sluice_importer.match.values import Match, MediaItem, MediaKind, NewItem, Outcome, Policy, Unknown
from sluice_names import Kind, Release, fold_title

_KINDS: dict[Kind, MediaKind] = {Kind.MOVIE: "movie", Kind.SERIES: "series"}
_Folded = defaultdict[str, list[MediaItem]]
_SHOWN = 5


def match(
    catalogue: Sequence[MediaItem],
    release: Release,
    files: Iterable[Release] = (),
    *,
    association: str | None = None,
    policy: Policy = "known-only",
) -> Outcome:
    """Decide what a download named `release`, holding media files named `files`, is for.

    `association` is the id of the media item that a person bound it to; it beats every name, and an id that the
    catalogue no longer has is `unknown_media`, never a guess. The download's name and its files' names must not
    point at different items.
    """
    if association is not None:
        return _bound(catalogue, release, association)
    named = [release, *(_of_kind(file, release.kind) for file in files)]
    titles, aliases = _by_title(catalogue), _by_alias(catalogue)
    fits = [found for one in named if (found := _fitting(titles, one) or _fitting(aliases, one))]
    decided = {items[0].id: items[0] for items in fits if len(items) == 1}
    if len(decided) == 1:
        return Match(next(iter(decided.values())))
    if fits:
        return Unknown(code="ambiguous_media", candidates=_unique(item for items in fits for item in items))
    return _not_there(catalogue, release, policy)


def _bound(catalogue: Sequence[MediaItem], release: Release, association: str) -> Outcome:
    for item in catalogue:
        if item.id == association:
            return Match(item)
    return Unknown(code="unknown_media", candidates=_similar(catalogue, release))


def _of_kind(file: Release, kind: Kind) -> Release:
    """A file without a kind of its own has its download's: `01 - Pilot` in a season is not the film Pilot."""
    if file.kind is not Kind.UNKNOWN:
        return file
    return Release(title=file.title, year=file.year, kind=kind)


def _by_title(catalogue: Sequence[MediaItem]) -> _Folded:
    folded: _Folded = defaultdict(list)
    for item in catalogue:
        folded[fold_title(item.title)].append(item)
    return folded


def _by_alias(catalogue: Sequence[MediaItem]) -> _Folded:
    folded: _Folded = defaultdict(list)
    for item in catalogue:
        for alias in {fold_title(title) for title in item.alternative_titles}:
            folded[alias].append(item)
    return folded


def _fitting(folded: _Folded, release: Release) -> list[MediaItem]:
    """The items of this title that the name may mean; an equal year beats a year that is not known."""
    titled = folded.get(fold_title(release.title), []) if fold_title(release.title) else []
    found = [item for item in titled if _kind_fits(item, release.kind) and _year_fits(item, release.year)]
    same_year = [item for item in found if release.year is not None and item.year == release.year]
    return same_year or found


def _kind_fits(item: MediaItem, kind: Kind) -> bool:
    return kind is Kind.UNKNOWN or _KINDS[kind] == item.kind


def _year_fits(item: MediaItem, year: int | None) -> bool:
    return year is None or item.year is None or item.year == year


def _not_there(catalogue: Sequence[MediaItem], release: Release, policy: Policy) -> Outcome:
    kind = _KINDS.get(release.kind)
    if policy == "create" and kind is not None and fold_title(release.title):
        return NewItem(kind=kind, title=release.title, year=release.year)
    return Unknown(code="unknown_media", candidates=_similar(catalogue, release))


def _similar(catalogue: Sequence[MediaItem], release: Release) -> tuple[MediaItem, ...]:
    """The few items that share most words with the name, for a person to choose from."""
    words = set(fold_title(release.title).split())
    scored = [(_overlap(words, item), item) for item in catalogue if _kind_fits(item, release.kind)]
    best = sorted((pair for pair in scored if pair[0] >= 0.5), key=lambda pair: (-pair[0], pair[1].title, pair[1].id))
    return tuple(item for _, item in best[:_SHOWN])


def _overlap(words: set[str], item: MediaItem) -> float:
    """Shared words over all words, 0 to 1, of the title that fits best."""
    titles = (set(fold_title(title).split()) for title in (item.title, *item.alternative_titles))
    return max(len(words & title) / (len(words | title) or 1) for title in titles)


def _unique(items: Iterable[MediaItem]) -> tuple[MediaItem, ...]:
    return tuple({item.id: item for item in items}.values())
