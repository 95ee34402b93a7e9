"""Of an app's items, those that changed are asked for at once, and the rest again after a day, a few at a time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sluice_importer.apps.due import AGAIN_AFTER, Taken, due

NOW = datetime(2026, 11, 21, tzinfo=UTC)


def taken(digest: str = "a", ago: timedelta = timedelta()) -> Taken:
    return Taken(digest, NOW - ago)


def test_what_is_new_or_told_otherwise_is_due_at_once() -> None:
    """In the order in which the app tells it."""
    assert due({3: "a", 1: "b", 2: "a"}, {2: taken(), 1: taken()}, NOW) == [3, 1]


def test_the_oldest_are_asked_for_again_a_few_at_a_time() -> None:
    """A day is enough to wait; a twentieth of all at once, the oldest first, and at least one."""
    told = dict.fromkeys(range(60), "a")
    old = {number: taken(ago=AGAIN_AFTER + timedelta(minutes=number)) for number in range(60)}
    assert due(told, old, NOW) == [59, 58, 57]
    assert due({1: "a"}, {1: taken(ago=AGAIN_AFTER)}, NOW) == [1]
    assert due({1: "a"}, {1: taken(ago=AGAIN_AFTER - timedelta(seconds=1))}, NOW) == []


def test_what_changed_does_not_use_up_the_share_of_the_old() -> None:
    """Both are asked for in one round, and none twice."""
    told = {1: "b", 2: "a"}
    assert due(told, {number: taken(ago=2 * AGAIN_AFTER) for number in told}, NOW) == [1, 2]
