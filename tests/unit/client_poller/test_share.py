"""Who should poll how many clients: values in, values out."""

from __future__ import annotations

from sluice_client_poller.share import (
    AT_A_TIME,
    SILENT_AFTER,
    feel,
    has_surplus,
    is_awaited,
    living,
    quota,
    takeable,
)

CLIENTS = [f"c{number}" for number in range(100)]


def test_a_replica_takes_free_clients_up_to_its_share() -> None:
    """In order of priority, never what is held, never more than a share."""
    assert quota(100, 3) == 34
    assert quota(3, 1) == quota(3, 0) == 3
    assert takeable(["a", "b", "c"], {"a"}, {}, 2) == ["b", "c"]
    assert takeable(["a", "b", "c"], {"a"}, {"a"}, 3) == []


def test_a_replica_alone_does_not_take_everything_at_once() -> None:
    """Replicas that start together see each other before one has it all, and clients are not all asked at once."""
    assert takeable(CLIENTS, (), (), 1) == CLIENTS[:AT_A_TIME]


def test_a_member_that_says_nothing_is_not_counted() -> None:
    """Its key lives on for a while after a kill; what counts is whether it still moves."""
    first = feel({}, {"a": 1, "b": 2}, 0.0)
    later = feel(first, {"a": 1, "b": 3}, SILENT_AFTER)
    assert living(first, 0.0) == {"a", "b"}
    assert living(later, SILENT_AFTER) == {"b"}
    assert living(feel(later, {"a": 9, "b": 3}, SILENT_AFTER + 1), SILENT_AFTER + 1) == {"a", "b"}


def test_a_lease_is_given_back_only_to_somebody_who_takes_it() -> None:
    """A member that holds less than its share has to be there; with everybody at their share nothing moves."""
    holders = dict.fromkeys("abc", "me") | {"d": "other"}
    assert has_surplus(4, 3, holders, {"me", "other"})
    assert not has_surplus(4, 3, holders, {"me"})
    assert not has_surplus(4, 2, dict.fromkeys("ab", "me") | dict.fromkeys("cd", "other"), {"me", "other"})
    assert not has_surplus(5, 3, dict.fromkeys("abc", "me") | dict.fromkeys("de", "other"), {"me", "other"})
    # One of the three is another's by now, who has its share with it.
    assert not has_surplus(4, 3, dict.fromkeys("bc", "me") | dict.fromkeys("ad", "other"), {"me", "other"})


def test_the_leases_of_a_silent_member_are_waited_for() -> None:
    """Until they have run out, looks are frequent."""
    assert is_awaited({"a": "dead", "b": "me"}, {"me"})
    assert not is_awaited({"b": "me"}, {"me"})
