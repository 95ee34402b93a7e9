"""What gateways tell pollers: that somebody is looking, and at which rows."""

from __future__ import annotations

import msgspec

# A gateway names no more rows than this; whoever looks at more sees the rest at the pace of whole polls.
MOST_ROWS = 500


class Watched(msgspec.Struct, frozen=True, kw_only=True):
    """`gateway` is one process, whose word replaces its last one; `rows` are ids by client."""

    gateway: str
    rows: dict[str, tuple[str, ...]] = {}
