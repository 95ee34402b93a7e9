"""Titles that people call the same."""

from __future__ import annotations

import pytest

from sluice_names import fold_title, same_title

SAME = [
    ("The Office", "office"),
    ("Office, The", "The Office"),
    ("Amélie", "AMELIE"),
    ("Law & Order", "Law and Order"),
    ("Marvel's Agents of S.H.I.E.L.D.", "Marvels Agents of S H I E L D"),
    ("It’s Always Sunny", "Its Always Sunny"),
    ("Spider-Man: No Way Home", "Spider Man No Way Home"),
    ("Bjørn", "Bjorn"),
    ("進撃の巨人", "進撃の巨人"),
]
DIFFERENT = [("The Office", "The Offices"), ("A", ""), ("", ""), ("!!!", "???"), ("Up", "It")]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_spelling_does_not_part_a_title(one: str, other: str) -> None:
    """Case, accents, punctuation, `&` and a leading article do not count."""
    assert same_title(one, other)


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_other_titles_stay_apart(one: str, other: str) -> None:
    """Different words differ, and nothing is like nothing."""
    assert not same_title(one, other)


def test_a_title_of_nothing_but_an_article_keeps_it() -> None:
    """The rule that drops an article never leaves an empty title."""
    assert fold_title("The") == "the"
