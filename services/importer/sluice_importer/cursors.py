"""Positions in lists that are newest first, as opaque text. Pure."""

from __future__ import annotations

import base64
from datetime import UTC, datetime

import msgspec

from sluice_common.kit.errors import Problem

MOST = 1000
Position = tuple[datetime, str]


def cursor(created_at: datetime | None, row_id: str) -> str:
    """The position after this row."""
    return base64.urlsafe_b64encode(msgspec.json.encode((created_at, row_id))).decode()


def position(text: str | None) -> Position | None:
    """The position that `cursor` wrote, None for the start; raises Problem bad_cursor."""
    if text is None:
        return None
    try:
        created_at, row_id = msgspec.json.decode(base64.urlsafe_b64decode(text.encode()), type=tuple[datetime, str])
        is_ours = created_at.utcoffset() is not None and "\0" not in row_id
        created_at.astimezone(UTC)
    except (msgspec.MsgspecError, ValueError, OverflowError) as error:
        raise _bad_cursor() from error
    if not is_ours:
        raise _bad_cursor()
    return created_at, row_id


def _bad_cursor() -> Problem:
    return Problem("bad_cursor", 400, "the cursor is not one of ours; start without it")


def limited(limit: int) -> int:
    """A page's length within bounds; raises Problem bad_limit."""
    if not 1 <= limit <= MOST:
        raise Problem("bad_limit", 400, f"a page has 1 to {MOST} rows, not {limit}")
    return limit
