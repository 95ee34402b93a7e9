"""Where a download may be saved: anywhere but in a library, which Sluice alone fills. Pure."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping

from sluice_common.kit.errors import Problem
from sluice_common.kit.settings import ClientSettings, LibrarySettings
from sluice_common.model.paths import to_ours


def refuse_library(save_path: str | None, client: ClientSettings, libraries: Mapping[str, LibrarySettings]) -> None:
    """Raise Problem save_path_in_library for a folder of the client that is a library's root, or below it.

    What was saved there could not be told from what was filed, and a removal with data would empty the library. A
    folder in none of the client's `paths` is nowhere that we know, and passes.
    """
    here = to_ours(_plain(save_path), client.paths) if save_path else None
    if here is None:
        return
    for name, library in libraries.items():
        if here.is_relative_to(posixpath.normpath(library.root)):
            told = (
                f"save_path {str(save_path)[:80]!r} lies in the library {name} ({library.root}), which only Sluice "
                "fills; give a folder outside of every library: what is finished there is filed from it"
            )
            raise Problem("save_path_in_library", 400, told)


def _plain(path: str) -> str:
    """Without `..` and doubled slashes, also the two at the beginning that POSIX leaves to each system."""
    plain = posixpath.normpath(path)
    return plain[1:] if plain.startswith("//") else plain
