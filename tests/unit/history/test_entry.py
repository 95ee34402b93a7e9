"""Events as history keeps them."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest

from sluice_common.contracts.events import DownloadData, Event, make
from sluice_common.contracts.history import HistoryEntry
from sluice_common.kit.errors import Problem
from sluice_history.entry import Unusable, entry_of
from sluice_history.query import read_cursor, write_cursor

NOW = datetime(2026, 1, 1, 12, 0, 0, 123456, tzinfo=UTC)


def event(**fields: object) -> Event:
    base = make("1", "download.added", "client-poller", NOW, DownloadData(client="c", id="x/y", epoch="c1", name="n"))
    return msgspec.structs.replace(base, **fields)


def test_an_event_is_kept_with_what_it_is_about() -> None:
    """Client, download, epoch and source become columns; the data stays whole, unknown fields included."""
    entry = entry_of(event(data=msgspec.Raw(b'{"client":"c","id":"x/y","epoch":"c1","new":{"a":[1]}}')))
    assert (entry.client, entry.download_id, entry.epoch, entry.source) == ("c", "x/y", "c1", "client-poller")
    assert entry.data["new"] == {"a": [1]}


def test_an_event_about_a_client_has_no_download() -> None:
    """`client.offline` belongs to no timeline of a download."""
    assert entry_of(event(subject="c")).download_id is None


def test_nul_is_replaced() -> None:
    """A hostile name with NUL, which PostgreSQL refuses, costs its NULs and not the event; `\\\\u0000` is no NUL."""
    entry = entry_of(event(data=msgspec.Raw(rb'{"name":"a\u0000b","kept":["\\u0000"]}')))
    assert entry.data == {"name": "a\ufffdb", "kept": ["\\u0000"]}


@pytest.mark.parametrize(
    "fields",
    [
        {"subject": ""},
        {"id": ""},
        {"time": datetime(2026, 1, 1)},  # noqa: DTZ001 - the fault is the point
        {"data": msgspec.Raw(b"[1]")},
        {"data": msgspec.Raw(b'"\xff"')},
    ],
)
def test_a_broken_event_is_refused(fields: dict[str, object]) -> None:
    """What can never be stored is told from what may be stored later."""
    with pytest.raises(Unusable):
        entry_of(event(**fields))


def test_a_cursor_keeps_the_microsecond() -> None:
    """A page begins exactly after the last entry of the one before."""
    entry = HistoryEntry(id="e", type="t", client="c", time=NOW, data={})
    assert read_cursor(write_cursor(entry)) == (NOW, "e")
    assert read_cursor(None) is None


@pytest.mark.parametrize("cursor", ["", "x", "ä", "!!!!", "gaFhoWI", "kgEC"])
def test_a_foreign_cursor_is_refused(cursor: str) -> None:
    """A made-up cursor is a clear 400, never a traceback."""
    with pytest.raises(Problem, match="bad_cursor"):
        read_cursor(cursor)
