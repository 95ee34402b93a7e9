"""Values as people read them."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice_cli.words import clean, id_length, moment, share, size, span, speed


def test_sizes_and_speeds() -> None:
    """Binary units, one decimal, never `1024.0 KiB`; unknown and idle are a dash."""
    values = [0, 1023, 1024, 1024**2 - 1, 1_468_006_400, 1024**6, None]
    assert [size(value) for value in values] == [
        "0 B", "1023 B", "1.0 KiB", "1.0 MiB", "1.4 GiB", "1024.0 PiB", "–",
    ]  # fmt: skip
    assert [speed(value) for value in (None, 0, 2048)] == ["–", "–", "2.0 KiB/s"]


def test_spans() -> None:
    """The two largest units, without a gap between them."""
    values = [0, 59, 61, 3600, 7500, 86400 + 30, 86400 * 800, None]
    assert [span(value) for value in values] == ["0s", "59s", "1m 1s", "1h", "2h 5m", "1d", "2y 70d", "–"]


def test_only_the_whole_is_100_percent() -> None:
    """A download that lacks its last bytes does not look finished."""
    assert [share(value) for value in (0, 0.4251, 0.99999, 1, None)] == ["0.0%", "42.5%", "99.9%", "100%", "–"]


def test_moments_are_local(monkeypatch: pytest.MonkeyPatch) -> None:
    """API times are shown in the reader's zone; what is no time is shown as it came."""
    if "TZ" not in os.environ:
        monkeypatch.setenv("TZ", "UTC")
    assert len(moment("2026-01-01T12:00:00.5Z")) == len("2026-01-01 12:00:00")
    assert moment("soon") == "soon"
    assert moment(None) == "–"


@given(st.text())
def test_nothing_from_outside_drives_the_terminal(text: str) -> None:
    """No control or direction character survives, and no character is lost silently."""
    cleaned = clean(text)
    assert len(cleaned) == len(text)
    assert not any(char in cleaned for char in "\x1b\x00\n\r\x9b\u202e\u2066\u200b")


@given(st.sets(st.text("abcdef0123456789", min_size=40, max_size=40), max_size=20))
def test_shown_ids_are_unambiguous(ids: set[str]) -> None:
    """What a table shows of an id is enough to name it."""
    length = id_length(ids)
    assert len({each[:length] for each in ids}) == len(ids)
    assert length >= 8


def test_ids_that_differ_late() -> None:
    """As many characters as it takes."""
    assert id_length(["a" * 20 + "b", "a" * 20 + "c"]) == 21
