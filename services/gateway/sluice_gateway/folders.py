"""Where a download may be saved: anywhere but in a library, which Sluice alone fills. Pure."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping

from sluice_common.kit.errors import Problem
from sluice_common.kit.settings import ClientSettings, LibrarySettings
from sluice_common.model.paths import to_ours


def refuse_library(
    save_path: str | None, client: ClientSettings, libraries: Mapping[str, LibrarySettings], top: str = ""
) -> None:
    """Raise Problem save_path_in_library for a folder of the client that is a library's root, or below it, or would be
    with the torrent's `top`: the file or folder that all of it lies in.

    What was saved there could not be told from what was filed, and a removal with data would empty the library. A
    folder in none of the client's `paths` is nowhere that we know, and passes. Only names are compared: where a link
    leads on the client's disk, what its categories and its default folder are, and what else it holds, is not seen.
    """
    here = to_ours(_plain(f"{save_path}/{top}"), client.paths) if save_path else None
    if here is None:
        return
    for name, library in libraries.items():
        if here.is_relative_to(posixpath.normpath(library.root)):
            what = f" with the torrent's own {top[:80]!r}" if top else ""
            told = (
                f"save_path {str(save_path)[:80]!r}{what} lies in the library {name} ({library.root}), which only "
                "Sluice fills; give a folder outside of every library: what is finished there is filed from it"
            )
            raise Problem("save_path_in_library", 400, told)


def _plain(path: str) -> str:
    """Without `..` and doubled slashes, also the two at the beginning that POSIX leaves to each system."""
    plain = posixpath.normpath(path)
    return plain[1:] if plain.startswith("//") else plain
