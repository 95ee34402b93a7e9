"""When an import is looked at again. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

BACK_OFF = (
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=15),
    timedelta(hours=1),
    timedelta(hours=4),
    timedelta(hours=12),
    timedelta(hours=24),
)
_SOONEST = timedelta(seconds=2)
_LATEST = timedelta(seconds=60)


def after_failure(failures: int, now: datetime) -> datetime | None:
    """When to try again after failure number `failures` (1 is the first); None once every retry is spent."""
    return now + BACK_OFF[failures - 1] if failures <= len(BACK_OFF) else None


def after_waiting(since: datetime, now: datetime) -> datetime:
    """When to look again at what has waited `since`: often at first, at least once a minute for ever."""
    return now + min(_LATEST, max(_SOONEST, (now - since) / 10))
