"""What recorded events say of a download, whatever order they came in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from sluice_history.fold import ADDED, CANCELLED, COMPLETED, OF_A_LIFE, REMOVED, Fact, family, fold, open_lives

T0 = datetime(2026, 1, 1, tzinfo=UTC)
EPOCHS = ("c100", "c100.900", "c100.1000", "c200", "s500", "s1500")


def fact(kind: str, epoch: str, at: int = 0, size: int | None = None, name: str = "x") -> Fact:
    return Fact(kind, epoch, T0 + timedelta(seconds=at), size, name)


facts = st.builds(
    fact,
    st.sampled_from(OF_A_LIFE),
    st.sampled_from(EPOCHS),
    st.integers(0, 9),
    st.sampled_from([None, 1, 2]),
    st.sampled_from(["a", "b"]),
)


@given(st.lists(facts, max_size=12), st.randoms(use_true_random=False))
def test_order_and_repetition_do_not_matter(history: list[Fact], random: object) -> None:
    """Late and repeated events fold to the same state: duplicates can come out of order."""
    shuffled = [*history, *history[:5]]
    random.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis types its Random as object
    assert fold(shuffled) == fold(history)


@given(st.lists(facts, max_size=12), st.sampled_from(EPOCHS))
def test_leaving_the_newest_epoch_closes_its_family(history: list[Fact], epoch: str) -> None:
    """Once every epoch of a family was left, nothing of it is open, and other families are untouched."""
    leaving = [fact(REMOVED, one, 10) for one in EPOCHS if family(one) == family(epoch)]
    before, after = open_lives(fold(history)), open_lives(fold([*history, *leaving]))
    assert family(epoch) not in after
    assert after == {name: life for name, life in before.items() if name != family(epoch)}


def test_a_whole_life() -> None:
    """Added, completed twice (more files were chosen later), left."""
    life = [fact(ADDED, "c100"), fact(COMPLETED, "c100", 1, 10), fact(COMPLETED, "c100", 2, 20, "renamed")]
    opened = open_lives(fold(life))["c100"]
    assert (opened.epoch, opened.completed, opened.name) == ("c100", frozenset({10, 20}), "renamed")
    assert open_lives(fold([*life, fact(CANCELLED, "c100", 3)])) == {}


def test_first_seen_epochs_are_one_life_until_it_was_left_or_added_again() -> None:
    """After a wipe the same download has a later first-seen epoch: its completion is known, its leaving ends both."""
    before = [fact(ADDED, "s500"), fact(COMPLETED, "s500", 1, 10)]
    adopted = [*before, fact(COMPLETED, "s1500", 2, 20)]
    assert open_lives(fold(adopted))["s"].completed == {10, 20}
    assert open_lives(fold([*before, fact(REMOVED, "s1500", 3)])) == {}
    assert open_lives(fold([*before, fact(ADDED, "s1500", 3)]))["s"].completed == frozenset()


def test_a_reappearance_is_newer_than_what_it_came_back_from() -> None:
    """`c100.1000` follows `c100.900` follows `c100`: numbers, not words."""
    gone = [fact(ADDED, "c100"), fact(REMOVED, "c100", 1), fact(ADDED, "c100.900", 2), fact(REMOVED, "c100.900", 3)]
    assert open_lives(fold([*gone, fact(ADDED, "c100.1000", 4)]))["c100"].epoch == "c100.1000"
