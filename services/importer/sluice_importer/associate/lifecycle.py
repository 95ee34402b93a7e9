"""The life of an association: pending → bound → closing → gone. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

EXPIRES_AFTER_POLLS = 5
EXPIRES_AFTER = timedelta(seconds=60)
KEPT_CLOSING = timedelta(hours=24)
# A retry takes a download out and adds it again under a new epoch; a look in between sees it gone.
REOPENS_WITHIN = timedelta(minutes=10)
# Why an association is closing; what was imported stays closed while its download goes on seeding.
GONE, EXPIRED, IMPORTED = "gone", "expired", "imported"


class Life(msgspec.Struct, frozen=True, kw_only=True):
    """As much of an association as its life needs; `missed_at` is the last good poll that counted as a miss."""

    download_id: str
    state: str
    closing_reason: str | None = None
    epoch: str | None = None
    missed_polls: int = 0
    missed_at: datetime | None = None
    updated_at: datetime


class Delete(msgspec.Struct, frozen=True):
    """Its time is over."""


def step(life: Life, epoch: str | None, polled_at: datetime, now: datetime) -> Life | Delete:
    """The association after looking at a fresh, committed table, whose row for the download has `epoch` (None: no row).

    `polled_at` is the client's last good poll. The same value comes back where nothing changes.
    """
    if life.state == "pending":
        return _pending(life, epoch, polled_at, now)
    if life.state == "bound":
        return _bound(life, epoch, now)
    return _closing(life, epoch, now)


def _pending(life: Life, epoch: str | None, polled_at: datetime, now: datetime) -> Life:
    if epoch is not None:
        return _bind(life, epoch, now)
    if polled_at <= max(life.updated_at, life.missed_at or life.updated_at):
        return life
    missed = msgspec.structs.replace(life, missed_polls=life.missed_polls + 1, missed_at=polled_at)
    if missed.missed_polls >= EXPIRES_AFTER_POLLS and now - life.updated_at >= EXPIRES_AFTER:
        return _close(missed, EXPIRED, now)
    return missed


def _bound(life: Life, epoch: str | None, now: datetime) -> Life:
    """A new epoch of the same download is still for the same thing: it was retried, or the bus was wiped."""
    if epoch is None:
        return _close(life, GONE, now)
    return life if epoch == life.epoch else _bind(life, epoch, now)


def _closing(life: Life, epoch: str | None, now: datetime) -> Life | Delete:
    if epoch is not None and _is_back(life, epoch, now):
        return _bind(life, epoch, now)
    return Delete() if now - life.updated_at >= KEPT_CLOSING else life


def _is_back(life: Life, epoch: str, now: datetime) -> bool:
    """What went comes back as itself at any time, and added anew for a while: it was most likely retried."""
    if life.closing_reason == GONE:
        return epoch == life.epoch or now - life.updated_at < REOPENS_WITHIN
    return life.closing_reason == EXPIRED


def _bind(life: Life, epoch: str, now: datetime) -> Life:
    return msgspec.structs.replace(
        life, state="bound", closing_reason=None, epoch=epoch, missed_polls=0, updated_at=now
    )


def _close(life: Life, reason: str, now: datetime) -> Life:
    return msgspec.structs.replace(life, state="closing", closing_reason=reason, updated_at=now)
