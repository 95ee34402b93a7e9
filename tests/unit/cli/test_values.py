"""Numbers as people type them."""

from __future__ import annotations

import pytest

from sluice_cli.failure import WrongUsage
from sluice_cli.values import files, rate


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
