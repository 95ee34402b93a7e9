"""A client's view of its disk to ours. Pure; confinement below the result is the file system room's."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path, PurePosixPath


def to_ours(theirs: str, mappings: Mapping[str, Path]) -> Path | None:
    """Where the client's absolute path `theirs` is here, by the longest mapping it lies in; None when in none.

    Without any mapping both see the same paths. A path that is relative, climbs or holds NUL is in none.
    """
    path = PurePosixPath(theirs)
    if not path.is_absolute() or ".." in path.parts or "\0" in theirs:
        return None
    if not mappings:
        return Path(path)
    for prefix in sorted(mappings, key=lambda prefix: len(PurePosixPath(prefix).parts), reverse=True):
        if path.is_relative_to(prefix):
            return mappings[prefix] / path.relative_to(prefix)
    return None
