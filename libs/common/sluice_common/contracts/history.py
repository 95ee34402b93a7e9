"""What history answers on `sluice.rpc.history.*`: `list`, newest or oldest first, optionally of one download."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec


class HistoryQuery(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A page's request. `oldest_first` gives a timeline; `type` filters by an event type or its first word."""

    limit: int = 100
    cursor: str | None = None
    client: str | None = None
    id: str | None = None
    type: str | None = None
    oldest_first: bool = False


class HistoryEntry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One recorded event; `data` is the event's own."""

    id: str
    type: str
    client: str
    time: datetime
    data: dict[str, Any]
    download_id: str | None = None
    epoch: str | None = None
    recorded_at: datetime | None = None
    source: str | None = None
