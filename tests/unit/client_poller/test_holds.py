"""Held removals: a client that stumbles must not look like one that removed everything."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sluice_client_poller.holds import HoldPolicy, Holds, judge

POLICY = HoldPolicy(ordinary=10, after_reconnect=60)
TEN = tuple(f"d{i}" for i in range(10))


def step(
    holds: Holds,
    seen: Collection[str],
    now: float,
    *,
    restarted: bool = False,
    waived: Collection[str] = (),
    asked: float | None = None,
) -> tuple[Holds, tuple[str, ...]]:
    return decide(holds, POLICY, TEN, seen, now, restarted=restarted, waived=waived, asked=asked)


def decide(
    holds: Holds,
    policy: HoldPolicy,
    known: Sequence[str],
    seen: Collection[str],
    now: float,
    *,
    restarted: bool = False,
    waived: Collection[str] = (),
    asked: float | None = None,
) -> tuple[Holds, tuple[str, ...]]:
    vanished = [download_id for download_id in known if download_id not in seen]
    return judge(
        holds,
        policy,
        known=len(known),
        seen=len(seen),
        vanished=vanished,
        waived=waived,
        restarted=restarted,
        asked=now if asked is None else asked,
        heard=now,
    )


def test_one_row_goes_after_ten_seconds_and_two_polls() -> None:
    """Neither time alone nor polls alone are enough."""
    holds, gone = step(Holds(count=10), TEN[1:], 0)
    assert gone == ()
    _, early = step(holds, TEN[1:], 9)
    assert early == ()
    _, gone = step(holds, TEN[1:], 10)
    assert gone == ("d0",)


def test_one_poll_is_not_enough_however_late_it_comes() -> None:
    """A slow poller sees the row missing twice before it believes it."""
    _, gone = step(Holds(count=10), TEN[1:], 1000)
    assert gone == ()


def test_an_answer_heard_late_is_an_answer_of_when_it_was_asked_for() -> None:
    """A poller that sleeps between question and answer hears of a flicker long after it: that is no removal."""
    holds, _ = step(Holds(count=10), TEN[1:], 0)
    _, gone = step(holds, TEN[1:], 1000, asked=1)
    assert gone == ()
    holds, _ = step(Holds(count=10), (), 0)
    _, gone = step(holds, (), 1000, asked=1)
    assert gone == ()
    holds, _ = step(Holds(count=10), TEN[1:], 20, asked=0)
    _, gone = step(holds, TEN[1:], 21)
    assert gone == ()


def test_a_row_that_comes_back_starts_over() -> None:
    """A flicker is no removal."""
    holds, _ = step(Holds(count=10), TEN[1:], 0)
    holds, _ = step(holds, TEN, 5)
    assert holds.missing == {}
    holds, gone = step(holds, TEN[1:], 12)
    assert gone == ()


def test_after_a_restart_everything_is_held_for_a_minute() -> None:
    """A client that starts with an empty list has removed nothing."""
    holds, _ = step(Holds(count=10), (), 0, restarted=True)
    for now in (10.0, 30.0, 59.0):
        holds, gone = step(holds, (), now)
        assert gone == ()
    _, gone = step(holds, (), 61)
    assert set(gone) == set(TEN)


def test_after_a_restart_the_list_must_have_stopped_growing() -> None:
    """A client that loads its torrents one by one for minutes loses none of them."""
    holds, _ = step(Holds(count=10), (), 0, restarted=True)
    holds, gone = step(holds, TEN[:3], 61)
    assert gone == ()
    holds, gone = step(holds, TEN[:6], 62)
    assert gone == ()
    holds, gone = step(holds, TEN[:6], 63)
    assert set(gone) == set(TEN[6:])


def test_a_large_part_vanishing_is_treated_like_a_restart() -> None:
    """Half a list does not go by itself."""
    holds, _ = step(Holds(count=10), TEN[5:], 0)
    _, gone = step(holds, TEN[5:], 30)
    assert gone == ()
    _, gone = step(holds, TEN[5:], 61)
    assert set(gone) == set(TEN[:5])


def test_an_accepted_remove_needs_no_hold() -> None:
    """What we asked for, and the client took, is gone at once, even after a restart."""
    _, gone = step(Holds(count=10), TEN[1:], 0, restarted=True, waived=("d0",))
    assert gone == ("d0",)


def vanish(count: int, of: int, *, later: float = 30) -> tuple[str, ...]:
    """What is gone when `count` rows of `of` are missing now and `later` seconds from now."""
    known = [f"r{i}" for i in range(of)]
    holds, _ = decide(Holds(count=of), POLICY, known, known[count:], 0)
    _, gone = decide(holds, POLICY, known, known[count:], later)
    return gone


def test_a_large_part_is_three_rows_and_a_fifth_of_the_list() -> None:
    """Two of five, or three of a hundred, go by hand every day; three of fifteen do not."""
    assert len(vanish(2, 5)) == 2
    assert len(vanish(3, 100)) == 3
    assert vanish(3, 15) == ()
    assert vanish(3, 10) == ()
    assert vanish(4, 10) == ()


def test_even_without_a_hold_two_polls_must_agree() -> None:
    """One poll is never enough, whatever the seconds are set to."""
    none = HoldPolicy(ordinary=0, after_reconnect=0)
    holds, gone = decide(Holds(count=2), none, ("a", "b"), ("b",), 0.1)
    assert gone == ()
    _, gone = decide(holds, none, ("a", "b"), ("b",), 0.5)
    assert gone == ("a",)


def test_the_seconds_count_from_when_it_was_first_missing() -> None:
    """Not from the machine's start."""
    holds, _ = step(Holds(count=10), TEN[1:], 500)
    assert step(holds, TEN[1:], 509)[1] == ()
    assert step(holds, TEN[1:], 510)[1] == ("d0",)


def test_a_removed_row_and_one_whose_hold_is_over_go_together() -> None:
    """Neither makes the other be forgotten."""
    holds, _ = step(Holds(count=10), TEN[1:], 0)
    _, gone = step(holds, TEN[2:], 11, waived=("d1",))
    assert set(gone) == {"d0", "d1"}


def test_a_growing_list_holds_nothing_once_the_client_is_settled() -> None:
    """New downloads do not keep old ones from going; nor do they after a quarantine that is over."""
    holds, _ = step(Holds(count=10), TEN[1:], 0)
    _, gone = step(Holds(holds.missing, 0.0, 3), TEN[1:], 11)
    assert gone == ("d0",)
    holds, _ = step(Holds(count=10), TEN, 0, restarted=True)
    holds, _ = step(holds, TEN, 61)
    assert holds.quarantine_until == 0
    holds, _ = step(holds, TEN[2:], 62)
    _, gone = step(holds, TEN[1:], 73)
    assert gone == ("d0",)


def test_a_quarantine_ends_with_its_last_second() -> None:
    """Sixty seconds are sixty."""
    holds, _ = step(Holds(count=10), TEN[5:], 0, restarted=True)
    assert step(holds, TEN[5:], 59.9)[1] == ()
    assert len(step(holds, TEN[5:], 60)[1]) == 5
