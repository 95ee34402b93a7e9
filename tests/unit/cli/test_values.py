"""Numbers as people type them."""

from __future__ import annotations

import pytest

from sluice_cli.failure import WrongUsage
from sluice_cli.values import files, minutes, named, rate, ratio


@pytest.mark.parametrize(
    ("text", "expected"),
    [("0", 0), ("500000", 500_000), ("512K", 524_288), ("1.5m", 1_572_864), ("2 MiB/s", 2_097_152), ("1GB", 1024**3)],
)
def test_a_speed(text: str, expected: int) -> None:
    """Units of 1024, as the queue shows them."""
    assert rate(text) == expected


@pytest.mark.parametrize("text", ["", "fast", "-1", "1e9", "1.2.3", "5 apples", "٣"])
def test_what_is_no_speed(text: str) -> None:
    """Nothing is guessed."""
    with pytest.raises(WrongUsage, match="is no speed"):
        rate(text)


def test_files_by_number() -> None:
    """Single ones and ranges, each once, in order; what is not given is none."""
    assert files(["1,4-6", "0", "5"]) == [0, 1, 4, 5, 6]
    assert rate(None) is None
    assert files([]) == []


@pytest.mark.parametrize("word", ["", "a", "3-", "-3", "1,,2", "0-99999999", "٣"])
def test_what_are_no_file_numbers(word: str) -> None:
    """A range that would fill the memory is one of them."""
    with pytest.raises(WrongUsage, match="no file numbers"):
        files([word])


@pytest.mark.parametrize(
    ("text", "seconds"), [("0", 0), ("60", 60), ("5400", 5400), ("90m", 5400), ("36 H", 129_600), ("2d", 172_800)]
)
def test_a_length_of_seeding(text: str, seconds: int) -> None:
    """In seconds, minutes, hours or days."""
    assert minutes(text) == seconds


@pytest.mark.parametrize(("text", "says"), [("90", "give 2m"), ("61s", "give 2m"), ("", "90m"), ("1h30m", "90m")])
def test_what_would_be_rounded_is_refused(text: str, says: str) -> None:
    """Clients count whole minutes: nobody gets another time than the one that was typed."""
    with pytest.raises(WrongUsage, match=says):
        minutes(text)


def test_a_ratio() -> None:
    """A number of at least 0; anything else is told with an example."""
    assert (ratio("1.5"), ratio("0"), ratio(None), minutes(None)) == (1.5, 0.0, None, None)
    for text in ("-1", "x", "", "nan", "inf", "1e3"):
        with pytest.raises(WrongUsage, match="is no ratio"):
            ratio(text)


def test_what_needs_a_name() -> None:
    """An empty word is refused with what it should be."""
    assert named(["a", "b"], "a tag") == ["a", "b"]
    with pytest.raises(WrongUsage, match="a tag has at least one character"):
        named(["a", " "], "a tag")
