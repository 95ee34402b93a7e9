"""What a first configuration probably looks like, from what the clients tell. Pure: every answer is only proposed."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath

from sluice_common.contracts.doctor import AboutClient
from sluice_common.kit.settings import OURS

# The category to propose where a client has none for a kind of library.
USUAL = {"series": "tv", "movies": "movies"}
_APPS = ("sonarr", "radarr", "lidarr", "readarr", "whisparr")
_WORDS: Mapping[str, frozenset[str]] = {
    "series": frozenset({"tv", "series", "serie", "serien", "show", "shows", "tvshows", "episodes"}),
    "movies": frozenset({"movie", "movies", "film", "films", "filme"}),
}


def owner_of(category: str, kinds: Collection[str]) -> str | None:
    """Who probably imports a category: the app that it names, else we, where there is a library of its kind."""
    words = [word for word in re.split(r"[^a-z0-9]+", category.lower()) if word]
    app = next((app for app in _APPS if app in words), None)
    if app is not None:
        return app
    return OURS if any(_WORDS[kind] & set(words) for kind in kinds) else None


def missing_categories(categories: Iterable[str], kinds: Collection[str]) -> list[str]:
    """The usual category of every kind of library for which the client has none that would be ours."""
    ours = [category for category in categories if owner_of(category, kinds) == OURS]
    have = {kind for kind in kinds for category in ours if owner_of(category, [kind]) == OURS}
    return [USUAL[kind] for kind in kinds if kind not in have]


def folders_of(about: AboutClient, owned: Collection[str]) -> list[str]:
    """Where the client saves what we import: its default folder, and those of the categories that are ours."""
    own = [folder for name, folder in about.categories.items() if name in owned and folder]
    return list(dict.fromkeys([*([about.save_path] if about.save_path else []), *own]))


def mapping_for(
    theirs: str, roots: Sequence[Path], libraries: Sequence[Path], is_folder: Callable[[Path], bool]
) -> tuple[str, Path] | None:
    """Which folder of ours is the client's `theirs`: as (their prefix, ours), None where that is not clear.

    Looks below our roots for the end of their path, the longest first; a root may itself be called like its last
    part. A library is no download folder, and two that fit equally well are no answer.
    """
    parts = PurePosixPath(theirs).parts[1:]
    for length in range(len(parts), 0, -1):
        tail = parts[-length:]
        fits = [root for root in dict.fromkeys(roots) if _usable(root.joinpath(*tail), libraries, is_folder)]
        if len(fits) == 1:
            above = parts[:-length]
            return ("/" + "/".join(above), fits[0]) if above else (theirs, fits[0].joinpath(*tail))
        if fits:
            return None
    named = [root for root in dict.fromkeys(roots) if parts and root.name == parts[-1] and is_folder(root)]
    return (theirs, named[0]) if len(named) == 1 else None


def _usable(folder: Path, libraries: Sequence[Path], is_folder: Callable[[Path], bool]) -> bool:
    return is_folder(folder) and not any(folder.is_relative_to(library) for library in libraries)


def mapped(theirs: str, paths: Mapping[str, Path]) -> Path | None:
    """Where `theirs` is by these mappings, the longest first; None where it lies in none."""
    path = PurePosixPath(theirs)
    for prefix in sorted(paths, key=lambda prefix: len(PurePosixPath(prefix).parts), reverse=True):
        if path.is_relative_to(prefix):
            return paths[prefix] / path.relative_to(prefix)
    return None


def completed(paths: Mapping[str, Path], same: Iterable[str]) -> dict[str, Path]:
    """The mappings, with those folders that are the same here: one mapping means that all must be named."""
    if not paths:
        return {}
    return {**paths, **{theirs: Path(theirs) for theirs in same if mapped(theirs, paths) is None}}
