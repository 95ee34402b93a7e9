"""Event ids: the same fact has the same id whoever derives it, and two facts never share one."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest

from sluice_common.contracts import codec, events
from sluice_common.contracts.events import ClientData, DownloadData, Event, event_id, lifecycle_id, make, subject_of

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def test_an_id_depends_on_every_part_and_on_nothing_else() -> None:
    """Another type, client, download, epoch or size is another fact; parts that only look joined alike are too."""
    one = lifecycle_id("download.completed", "c", "x", "e", 7)
    assert one == lifecycle_id("download.completed", "c", "x", "e", 7)
    others = {
        lifecycle_id("download.removed", "c", "x", "e", 7),
        lifecycle_id("download.completed", "d", "x", "e", 7),
        lifecycle_id("download.completed", "c", "y", "e", 7),
        lifecycle_id("download.completed", "c", "x", "f", 7),
        lifecycle_id("download.completed", "c", "x", "e", 8),
        lifecycle_id("download.completed", "c", "x", "e"),
        lifecycle_id("download.completed", "cx", "", "e", 7),
    }
    assert len(others | {one}) == 8
    assert event_id("ab", "c") != event_id("a", "bc")
    assert event_id("1") != event_id(1)


def test_ids_are_the_same_in_every_version() -> None:
    """An id that changes with a release would repeat every event of the last ten minutes."""
    assert lifecycle_id("download.added", "qbit", "abc", "c1700000000") == "4a39c8d12f0d58f85c5772f8226411e5"


def test_an_event_is_a_cloudevent() -> None:
    """The attributes that CloudEvents 1.0 requires are there, and the data is plain JSON inside."""
    event = make("1", "download.added", "client-poller", NOW, DownloadData(client="c", id="x", epoch="e", name="n"))
    told = msgspec.json.decode(codec.to_json(event))
    assert told == {
        "specversion": "1.0",
        "id": "1",
        "source": "/sluice/client-poller",
        "type": "download.added",
        "subject": "c/x",
        "time": "2026-01-01T00:00:00Z",
        "datacontenttype": "application/json",
        "data": {"client": "c", "id": "x", "epoch": "e", "name": "n"},
    }
    assert codec.from_json(codec.to_json(event), Event).read(DownloadData).name == "n"


def test_an_event_about_a_client_names_the_client_alone() -> None:
    """Subject and bus subject follow from the data."""
    event = make("1", "client.offline", "client-poller", NOW, ClientData(client="qbit"))
    assert (event.subject, subject_of(event)) == ("qbit", "sluice.events.client.offline.qbit")


def test_an_id_with_slashes_and_dots_does_not_reach_the_bus_subject() -> None:
    """Whatever a client calls its items, the subject has its five tokens."""
    data = DownloadData(client="qbit", id="a/b.c > *", epoch="e", name="n")
    assert subject_of(make("1", "download.added", "s", NOW, data)) == "sluice.events.download.added.qbit"


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b'{"id": 1}', b"\xff\xfe"])
def test_what_is_no_event_is_undecodable(data: bytes) -> None:
    """One error for every kind of damage."""
    with pytest.raises(codec.Undecodable):
        codec.from_json(data, Event)


def test_every_known_type_has_two_words() -> None:
    """Types become two tokens of a subject."""
    assert all(len(event_type.split(".")) == 2 for event_type in events.DATA)
