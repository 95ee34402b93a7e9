"""Positions in lists, as opaque text: by time and id where the newest is first, else by the row's own keys. Pure."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import TypeVar

import msgspec

from sluice_common.kit.errors import Problem

MOST = 1000
Position = tuple[datetime, str]
K = TypeVar("K")
_LARGEST = 2**31


def cursor(*keys: datetime | str | int | None) -> str:
    """The position after the row that has these keys."""
    return base64.urlsafe_b64encode(msgspec.json.encode(keys)).decode()


def position(text: str | None) -> Position | None:
    """A position by time and id, None for the start; raises Problem bad_cursor."""
    found = _read(text, tuple[datetime, str])
    if found is None:
        return None
    created_at, row_id = found
    try:
        created_at.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise _bad_cursor() from error
    if created_at.utcoffset() is None or "\0" in row_id:
        raise _bad_cursor()
    return created_at, row_id


def numbers(text: str | None) -> tuple[int, int] | None:
    """A position by two numbers, None for the start; raises Problem bad_cursor."""
    found = _read(text, tuple[int, int])
    if found is not None and not all(-_LARGEST <= number < _LARGEST for number in found):
        raise _bad_cursor()
    return found


def words(text: str | None) -> tuple[str, str] | None:
    """A position by two texts, None for the start; raises Problem bad_cursor."""
    found = _read(text, tuple[str, str])
    if found is not None and any("\0" in word for word in found):
        raise _bad_cursor()
    return found


def _read(text: str | None, kind: type[K]) -> K | None:
    if text is None:
        return None
    try:
        return msgspec.json.decode(base64.urlsafe_b64decode(text.encode()), type=kind)
    except (msgspec.MsgspecError, ValueError) as error:
        raise _bad_cursor() from error


def _bad_cursor() -> Problem:
    return Problem("bad_cursor", 400, "the cursor is not one of ours; start without it")


def limited(limit: int) -> int:
    """A page's length within bounds; raises Problem bad_limit."""
    if not 1 <= limit <= MOST:
        raise Problem("bad_limit", 400, f"a page has 1 to {MOST} rows, not {limit}")
    return limit
