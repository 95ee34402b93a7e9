"""The configured libraries: which one an item is filed in, and whether its root is there. No SQL."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from contextlib import suppress

from sluice_common.contracts.library import LibraryStatus
from sluice_common.kit.errors import Problem
from sluice_common.kit.settings import LibrarySettings
from sluice_importer.place.errors import PlaceFailed, RootUnavailable
from sluice_importer.place.root import init_root, open_root

KIND_OF = {"movie": "movies", "series": "series"}


def defaults(libraries: Mapping[str, LibrarySettings]) -> dict[str, str]:
    """The library of each kind of item that names none: the first of its kind in the configuration."""
    chosen: dict[str, str] = {}
    for kind, held in KIND_OF.items():
        named = [name for name, library in libraries.items() if library.kind == held]
        if named:
            chosen[kind] = named[0]
    return chosen


def find(libraries: Mapping[str, LibrarySettings], name: str) -> LibrarySettings:
    """The library of this name; raises Problem unknown_library."""
    library = libraries.get(name)
    if library is None:
        known = ", ".join(sorted(libraries)) or "none"
        raise Problem("unknown_library", 404, f"there is no library {name!r} in the configuration; known: {known}")
    return library


def check_kind(libraries: Mapping[str, LibrarySettings], name: str, kind: str) -> None:
    """Raise Problem unless `name` is a library that holds items of this kind."""
    library = find(libraries, name)
    if library.kind != KIND_OF[kind]:
        raise Problem("wrong_library_kind", 422, f"the library {name!r} holds {library.kind}, not a {kind}")


def status(name: str, library: LibrarySettings, files: int) -> LibraryStatus:
    """Whether files can be placed there now. Blocking: asks the disk."""
    problem: str | None = None
    try:
        open_root(library.root, name).close()
    except RootUnavailable as error:
        problem = error.detail
    free: int | None = None
    with suppress(OSError):
        free = shutil.disk_usage(library.root).free
    return LibraryStatus(
        name=name,
        kind=library.kind,
        root=os.fspath(library.root),
        available=problem is None,
        problem=problem,
        free_space=free,
        files=files,
    )


def initialise(name: str, library: LibrarySettings) -> None:
    """Write the marker; raises Problem. Blocking."""
    try:
        init_root(library.root, name)
    except PlaceFailed as error:
        raise Problem(error.code, 409, f"{error.path}: {error.detail}") from error
