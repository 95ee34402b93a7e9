"""What guessit makes of a name, for the fields that our own rules leave open.

It runs in a process of its own (`worker.py`), since a name can keep it busy for seconds: 980 characters took 7 s.
`python -m sluice_names.guess` is that process: a name as a line of JSON in, a `Release` as a line of JSON out.
"""

from __future__ import annotations

import re
import sys
from typing import Any

import msgspec

from sluice_names.release import Form, Kind, Quality, Release

READY = b"ready\n"
_SOURCES = {"Blu-ray": "bluray", "Web": "web", "HDTV": "hdtv", "DVD": "dvd", "Camera": "cam"}
_PADDED = re.compile(r"(?<!\d)0\d{1,2}(?!\d)")


def is_open(release: Release) -> bool:
    """Whether our own rules left a number in the title that guessit is believed on, so that it is worth its 15 ms."""
    unknown = release.form is Form.UNKNOWN and release.kind is Kind.UNKNOWN
    return unknown and _PADDED.search(release.title) is not None


def fill(release: Release, guessed: Release) -> Release:
    """A release whose open fields are taken from a guess; what our rules found stays. Pure.

    Of numbers only one written with a leading zero is believed (`Show.05.Title`): guessit reads any bare number as an
    episode, also FooBar 360 as the sixtieth of season 3, and 10-11-2008 as a day; a wrong guess is worse than none.
    """
    numbers = guessed.absolute_episodes
    return msgspec.structs.replace(
        release,
        title=guessed.title if numbers and guessed.title else release.title,
        absolute_episodes=numbers,
        kind=Kind.SERIES if numbers else release.kind,
        quality=release.quality if release.quality != Quality() else guessed.quality,
        group=release.group or guessed.group,
        edition=release.edition or guessed.edition,
        languages=release.languages or guessed.languages,
    )


def guess(name: str) -> Release:
    """What guessit says, as far as it is believed. A name on which it fails gives an empty release."""
    found = _ask(name)
    source = found.get("source")
    edition = found.get("edition")
    return Release(
        title=_text(found.get("title")),
        absolute_episodes=_episodes(name, found),
        quality=Quality(
            resolution=_text(found.get("screen_size")) or None,
            source=_SOURCES.get(source) if isinstance(source, str) else None,
        ),
        group=_text(found.get("release_group")) or None,
        edition=edition.lower() if isinstance(edition, str) else None,
        languages=_languages(found.get("language")),
    )


def _ask(name: str) -> dict[str, Any]:
    from guessit import guessit  # importing it costs 0.35 s, which who only fills need not pay
    from guessit.api import GuessitException

    try:
        return dict(guessit(name))
    except GuessitException:
        return {}


def _episodes(name: str, found: dict[str, Any]) -> tuple[int, ...]:
    number = found.get("episode")
    padded = {int(digits) for digits in _PADDED.findall(name)}
    return (number,) if isinstance(number, int) and "season" not in found and number in padded else ()


def _languages(value: object) -> tuple[str, ...]:
    listed = value if isinstance(value, list) else [value]
    codes = [getattr(language, "alpha2", None) for language in listed if language is not None]
    return tuple(code for code in codes if isinstance(code, str))


def _text(value: object) -> str:
    """guessit answers a list where it finds several titles: the first is the one in front."""
    if isinstance(value, list):
        value = value[0] if value else ""
    return value.strip() if isinstance(value, str) else ""


def main() -> None:
    """Answer every line until the other end closes."""
    guess("warm.the.rules.01.mkv")
    sys.stdout.buffer.write(READY)
    sys.stdout.buffer.flush()
    for line in sys.stdin.buffer:
        sys.stdout.buffer.write(msgspec.json.encode(guess(msgspec.json.decode(line, type=str))) + b"\n")
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
