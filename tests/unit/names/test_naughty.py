"""No name whatever raises, hangs, or gives what cannot be written down."""

from __future__ import annotations

import time

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from names.naughty import naughty
from sluice_names import Release, parse, parse_path, readings

# Letters of every plane, lone surrogates among them, and the words that rules look for.
_WORDS = st.sampled_from(
    [
        "S01E01",
        "1x02",
        "Season",
        "Part",
        "2019",
        "-",
        "01-12",
        "[",
        "]",
        "(",
        ")",
        ".",
        " ",
        "_",
        "/",
        "1080p",
        "第",
        "v2",
    ]
)
_NAMES = st.lists(st.one_of(st.text(alphabet=st.characters(), max_size=60), _WORDS), max_size=60).map("".join)


def is_sound(release: Release) -> bool:
    """Whether it can be sent, filed and shown."""
    msgspec.json.encode(release)
    numbers = (*release.episodes, *release.absolute_episodes, *release.seasons, release.season or 0)
    return all(0 <= number <= 99_999 for number in numbers) and len(release.title.encode()) <= 255


@settings(max_examples=300, deadline=None, derandomize=True)
@given(_NAMES)
def test_no_name_whatever_raises(name: str) -> None:
    """Any Unicode gives a release that can be written down, as a name, as a path, and in each of its readings."""
    assert is_sound(parse(name))
    assert is_sound(parse_path(name))
    assert all(is_sound(reading.release) for reading in readings(name))


@pytest.mark.timeout(60)
def test_what_is_meant_to_break_a_parser_does_not() -> None:
    """Ten kilobytes of anything, every plane, numbers of other scripts: read, and none takes seconds of CPU."""
    slow = []
    for name in naughty():
        began = time.process_time()
        assert is_sound(parse_path(name)), name[:80]
        assert all(is_sound(reading.release) for reading in readings(name))
        if time.process_time() - began > 1:
            slow.append(name[:80])
    assert slow == []


def test_only_255_bytes_are_read() -> None:
    """What lies behind is not seen, and no character is cut in two."""
    assert parse("é" * 127 + " S01E01").season is None
    assert parse("é" * 120 + " S01E01").season == 1
    assert len(parse("é" * 400).title.encode()) == 254
