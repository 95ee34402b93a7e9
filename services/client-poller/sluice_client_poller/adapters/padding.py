"""The padding of hybrid torrents, which some clients list among the files. Pure."""

from __future__ import annotations

import re

_PADDING = re.compile(r"(?:^|/)\.pad/(\d+)$")


def is_padding(path: str, size: int) -> bool:
    """BEP 47: `.pad/<its size>`, for clients that do not pass a file's attributes on. `path` has forward slashes."""
    found = _PADDING.search(path)
    return found is not None and int(found[1]) == size
