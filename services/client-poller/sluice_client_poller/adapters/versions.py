"""Which versions of each kind of client are known to us, and what a client says of itself with that judged. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping

from sluice_client_poller.adapters.port import About
from sluice_common.contracts.doctor import AboutClient

# From the first that is known, up to but without the second.
KNOWN: Mapping[str, tuple[tuple[int, int], tuple[int, int]]] = {
    "deluge": ((2, 0), (3, 0)),
    "qbittorrent": ((4, 1), (6, 0)),
    "transmission": ((2, 90), (5, 0)),
}
_NUMBERS = re.compile(r"(\d+)\.(\d+)")


def about(kind: str, told: About) -> AboutClient:
    """The answer to `about`."""
    return AboutClient(
        version=told.version,
        is_tried=is_known(kind, told.version),
        save_path=told.save_path,
        categories=dict(told.categories),
    )


def is_known(kind: str, version: str | None) -> bool | None:
    """Whether a version, as `v4.5.2` or `3.00 (bb6b5a062e)`, is one that we know; None where that cannot be told."""
    numbers = _NUMBERS.search(version or "")
    if numbers is None or kind not in KNOWN:
        return None
    first, beyond = KNOWN[kind]
    return first <= (int(numbers[1]), int(numbers[2])) < beyond
