"""Whether a client's own speed limit can be why a download gets nothing. Pure."""

from __future__ import annotations

from sluice_common.model.edits import Limits

# A limit is kept on average: from this share of it on nothing is left over.
USED_UP = 0.8


def is_used_up(limit: int | None, speed: int | None) -> bool:
    """Whether the client's downloads take all that its limit allows, both in bytes/s; None or 0 is no limit."""
    return bool(limit) and speed is not None and limit is not None and speed >= USED_UP * limit


def is_throttled(limits: Limits, speed: int | None) -> bool:
    """Whether these limits can be why: what the alternative ones allow is not told, so while they rule it may be."""
    return bool(limits.alternative) or is_used_up(limits.download, speed)
