"""Numbers, their lists, and days: the small rules, exactly."""

from __future__ import annotations

from datetime import date

import pytest

from sluice_names import dates
from sluice_names.marks import Mark, between, spread
from sluice_names.spelled import number


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("7", 7), ("07", 7), ("Seven", 7), ("SEVENTH", 7), ("vii", 7), ("sept", 7), ("一", 1), ("十", 10),
        ("十一", 11), ("二十", 20), ("二十三", 23), ("九十九", 99), ("十十", None), ("一二", None), ("一一十", None),
        ("十一一", None),
        ("x1", None), ("seventeenth", None),
    ],
)  # fmt: skip
def test_a_number_is_read_however_it_is_written(text: str, value: int | None) -> None:
    """Digits, words, ordinals, Roman and Chinese numerals; what is no number is none."""
    assert number(text) == value


@pytest.mark.parametrize(
    ("parts", "numbers"),
    [
        ([("", 3)], (3,)),
        ([("-", 3)], (3,)),
        ([("", 3), ("", 5)], (3, 5)),
        ([("", 5), ("&", 3)], (3, 5)),
        ([("", 3), (" - ", 6)], (3, 4, 5, 6)),
        ([("", 3), ("TO", 5), ("+", 9)], (3, 4, 5, 9)),
        ([("", 3), ("-", 3), ("", 4)], (3,)),
        ([("", 3), ("-", 2)], (3,)),
        ([("", 1), ("-", 101)], tuple(range(1, 102))),
        ([("", 1), ("-", 102)], (1,)),
    ],
)
def test_a_list_names_each_number_and_a_range_all_between(
    parts: list[tuple[str, int]], numbers: tuple[int, ...]
) -> None:
    """What cannot be the end of a range ends the list."""
    assert spread(parts) == numbers


def test_a_batch_is_a_range_that_rises() -> None:
    """Up to 1,500 episodes more, and never backwards."""
    assert between("01", "03") == (1, 2, 3)
    assert len(between("1", "1501")) == 1501
    assert between("1", "1502") == between("3", "3") == between("4", "3") == ()


@pytest.mark.parametrize(
    ("name", "day"),
    [
        ("Show 2024 03 05 x", date(2024, 3, 5)),
        ("Show 2024-12-31", date(2024, 12, 31)),
        ("Show 2024 13 05", date(2024, 5, 13)),
        ("Show 2024 13 12", date(2024, 12, 13)),
        ("Show 2024 13 13", None),
        ("Show 2024 12 12", date(2024, 12, 12)),
        ("Show 20240305", date(2024, 3, 5)),
        ("Show 13 12 2024", date(2024, 12, 13)),
        ("Show 12 13 2024", date(2024, 12, 13)),
        ("Show 12 12 2024", date(2024, 12, 12)),
        ("Show 11 12 2024", None),
        ("Show 12 11 2024", None),
        ("Show 31 31 2024", None),
        ("Show 5 Mar 2024", date(2024, 3, 5)),
        ("Show 1st December, 2024", date(2024, 12, 1)),
        ("Show sept 3 2024", date(2024, 9, 3)),
        ("Show 2024 jul 3", date(2024, 7, 3)),
        ("Show 24 03 05 x", date(2024, 3, 5)),
        ("Show 240305", date(2024, 3, 5)),
        ("24 03 05 Show", None),
        ("Show 2023 02 30", None),
        ("Show 1080p", None),
    ],
)
def test_a_day_is_read_in_whatever_order_and_never_guessed(name: str, day: date | None) -> None:
    """Where both numbers may be the month, it is no day."""
    found = dates.find(name)
    assert (None if found is None else found.air_date) == day


def test_a_year_has_a_word_before_it_and_a_range_is_none() -> None:
    """1880 to 2040; those of 18xx in brackets only, and the slice of each is told."""
    assert [mark.year for mark in dates.years("1917 2019")] == [2019]
    assert [mark.year for mark in dates.years("Show (2010-2015) 2012")] == [2012]
    assert [mark.year for mark in dates.years("Show (2010-2015)2012")] == [2012]
    assert [mark.year for mark in dates.years("Show (1880)x 1881 (1879)")] == [1880]
    assert [mark.year for mark in dates.years("Runner 2041 2040")] == [2040]
    assert [mark.year for mark in dates.years("Show 2010p 1920x1080 BT 2020 20101")] == []
    assert next(dates.years("Show 2012 x")) == Mark(start=5, end=9, year=2012)


def test_a_year_in_brackets_is_told_from_a_bare_one() -> None:
    """Round or square, with or without a blank."""
    for name, bracketed in {"A (2012)": True, "A [ 2012]": True, "(A) 2012": False, "A 2012 (": False}.items():
        assert dates.is_bracketed(name, next(dates.years(name))) is bracketed
