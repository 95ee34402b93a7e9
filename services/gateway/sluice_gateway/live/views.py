"""Sorted views of the queue: a filter and an order, kept right by bisection while rows change. Pure.

A view is never re-sorted. A page is cut from it behind a cursor, which is the sort key of the last row given: a row
that does not move is therefore never skipped and never given twice, whatever happens around it.
"""

from __future__ import annotations

import base64
import binascii
from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import TypeGuard

import msgspec

from sluice_common.kit.errors import Problem
from sluice_gateway.live.rows import Entry, Key, finite, progress

SortValue = str | float
SortKey = tuple[int, SortValue, str, str]
"""Rank of knownness, value, client, id. Unknown values come last in both directions."""


def _time(value: datetime | None) -> float | None:
    return value.timestamp() if value is not None else None


SORTS: dict[str, Callable[[Entry], SortValue | None]] = {
    "name": lambda entry: entry.search_name,
    "added": lambda entry: _time(entry.download.added_at or entry.download.first_seen),
    "completed": lambda entry: _time(entry.download.completed_at),
    "progress": lambda entry: progress(entry.download),
    "size": lambda entry: entry.download.size,
    "down_speed": lambda entry: entry.download.down_speed,
    "up_speed": lambda entry: entry.download.up_speed,
    "eta": lambda entry: entry.download.eta,
    "ratio": lambda entry: finite(entry.download.ratio),
    "state": lambda entry: entry.download.state.value,
    "category": lambda entry: entry.download.category,
    "client": lambda entry: entry.download.client,
}
_WORDS = ("name", "state", "category", "client")


class Order(msgspec.Struct, frozen=True):
    """What a view is sorted by."""

    field: str
    descending: bool = False

    @property
    def text(self) -> str:
        """As it stands in a query: `-added`."""
        return f"-{self.field}" if self.descending else self.field


def parse_order(text: str) -> Order:
    """`name` or `-added`; raises Problem with the fields there are."""
    order = Order(text.removeprefix("-"), text.startswith("-"))
    if order.field not in SORTS:
        raise Problem("invalid_request", 400, f"cannot sort by {text[:40]!r}; use one of {', '.join(SORTS)}, or -name")
    return order


class Filter(msgspec.Struct, frozen=True, kw_only=True):
    """Which rows a view holds. An empty tuple means any; the category `""` means without a category."""

    clients: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    healths: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    owners: tuple[str, ...] = ()
    search: str = ""

    def matches(self, entry: Entry) -> bool:
        """Whether the row is in."""
        row = entry.download
        return (
            _among(row.client, self.clients)
            and _among(row.state.value if row.state.is_known else "unknown", self.states)
            and _among(row.health.value if row.health.is_known else "unknown", self.healths)
            and _among(row.category or "", self.categories)
            and _among(entry.owner, self.owners)
            and self.search in entry.search_name
        )


def _among(value: str, wanted: tuple[str, ...]) -> bool:
    return not wanted or value in wanted


class View:
    """The keys of the rows that match, in order. `version` rises with every row that comes, changes or leaves."""

    def __init__(self, only: Filter, order: Order) -> None:
        self.filter = only
        self.order = order
        self.version = 0
        self._read = SORTS[order.field]
        self._sorted: list[SortKey] = []
        self._where: dict[Key, SortKey] = {}

    def __len__(self) -> int:
        return len(self._sorted)

    def key_of(self, entry: Entry) -> SortKey:
        """Where the row belongs. A descending view is this list read backwards, hence the other rank for unknown."""
        value = self._read(entry)
        client, download_id = entry.key
        if value is None:
            return (-1 if self.order.descending else 1), 0, client, download_id
        return 0, value, client, download_id

    def fill(self, ordered: Iterable[SortKey]) -> None:
        """Take rows that were sorted elsewhere; only for an empty view."""
        self.version += 1
        self._sorted = list(ordered)
        self._where = {(key[2], key[3]): key for key in self._sorted}

    def put(self, entry: Entry) -> bool:
        """The row is new or changed; whether the view is concerned."""
        key, old = entry.key, self._where.get(entry.key)
        if not self.filter.matches(entry):
            return self.drop(key)
        self.version += 1
        new = self.key_of(entry)
        if old != new:
            if old is not None:
                self._cut(old)
            insort(self._sorted, new)
            self._where[key] = new
        return True

    def drop(self, key: Key) -> bool:
        """The row is gone; whether it was in the view."""
        old = self._where.pop(key, None)
        if old is None:
            return False
        self.version += 1
        self._cut(old)
        return True

    def _cut(self, old: SortKey) -> None:
        del self._sorted[bisect_left(self._sorted, old)]

    def page(self, after: SortKey | None, limit: int) -> Sequence[SortKey]:
        """Up to `limit` keys behind `after` (the row of that key need not exist any more)."""
        if self.order.descending:
            end = len(self._sorted) if after is None else bisect_left(self._sorted, after)
            return self._sorted[max(0, end - limit) : end][::-1]
        start = 0 if after is None else bisect_right(self._sorted, after)
        return self._sorted[start : start + limit]


def encode_cursor(order: Order, key: SortKey) -> str:
    """An opaque text that stands for the place behind the row of `key`."""
    return base64.urlsafe_b64encode(msgspec.msgpack.encode((order.text, *key))).decode().rstrip("=")


def decode_cursor(order: Order, text: str) -> SortKey:
    """The place again; raises Problem when the text is not ours or belongs to another order."""
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        said, rank, value, client, download_id = msgspec.msgpack.decode(raw, type=tuple[str, int, SortValue, str, str])
    except (binascii.Error, ValueError, msgspec.MsgspecError):
        raise Problem("bad_cursor", 400, "the cursor is not one of ours; leave it out to start at the top") from None
    if said != order.text or not _comparable(order, rank, value):
        raise Problem("bad_cursor", 400, f"the cursor belongs to the sort {said[:20]!r}; keep sort and filter per list")
    return rank, value, client, download_id


def _comparable(order: Order, rank: int, value: SortValue) -> TypeGuard[SortValue]:
    """A word is only compared with words; what is not a number at all has no place."""
    if rank != 0:
        return rank in (-1, 1) and value == 0
    if order.field in _WORDS:
        return isinstance(value, str)
    return not isinstance(value, str) and finite(value) is not None
