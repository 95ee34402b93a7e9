"""What people type for numbers, read. Pure; raises WrongUsage."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from sluice_cli.failure import WrongUsage

_RATE = re.compile(r"(\d{1,9}(?:\.\d{1,3})?)\s*([kmg]?)(?:i?b)?(?:/s)?", re.IGNORECASE | re.ASCII)
_UNITS = {"": 1, "k": 1024, "m": 1024**2, "g": 1024**3}
_SPAN = re.compile(r"(\d{1,9})\s*([smhd]?)", re.IGNORECASE | re.ASCII)
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
_FILES = re.compile(r"(\d{1,9})(?:-(\d{1,9}))?", re.ASCII)
_MOST_FILES = 20_000


def rate(text: str | None) -> int | None:
    """Bytes per second from `500000`, `512K`, `1.5M`: units of 1024, as the queue shows them. 0 is no limit."""
    if text is None:
        return None
    found = _RATE.fullmatch(text.strip())
    if found is None:
        raise WrongUsage(f"{text!r} is no speed; give bytes per second like 500000, 512K or 1.5M, 0 for no limit")
    return round(float(found[1]) * _UNITS[found[2].lower()])


def minutes(text: str | None) -> int | None:
    """Seconds from `5400`, `90m`, `36h`, `2d`. 0 is no limit. Only whole minutes: clients count seeding in those."""
    if text is None:
        return None
    found = _SPAN.fullmatch(text.strip())
    if found is None:
        raise WrongUsage(f"{text!r} is no length of time; give seconds like 5400, or 90m, 36h, 2d; 0 for no limit")
    seconds = int(found[1]) * _SECONDS[found[2].lower()]
    if seconds % 60:
        raise WrongUsage(f"{text!r} is not in whole minutes, in which clients count; give {-(-seconds // 60)}m")
    return seconds


def ratio(text: str | None) -> float | None:
    """A ratio like `1.5`. 0 is no limit."""
    if text is None:
        return None
    if re.fullmatch(r"\d{1,6}(\.\d{1,6})?", text.strip(), re.ASCII) is None:
        raise WrongUsage(f"{text!r} is no ratio; give a number like 1.5, 0 for no limit")
    return float(text)


def named(words: Iterable[str], what: str) -> list[str]:
    """The words, if none is empty; `what` is what each of them is."""
    found = list(words)
    if not all(word.strip() for word in found):
        raise WrongUsage(f"{what} has at least one character; this one is empty")
    return found


def files(words: Iterable[str]) -> list[int]:
    """File numbers from words like `3`, `0-7` or `1,4-6`."""
    numbers = sorted({number for word in words for part in word.split(",") for number in _range(part)})
    if len(numbers) > _MOST_FILES:
        raise WrongUsage(f"{len(numbers)} files are too many for one command; give at most {_MOST_FILES}")
    return numbers


def _range(part: str) -> Iterator[int]:
    found = _FILES.fullmatch(part.strip())
    if found is None or (found[2] is not None and int(found[2]) - int(found[1]) > _MOST_FILES):
        raise WrongUsage(f"{part!r} are no file numbers; give them like 3, 0-7 or 1,4-6")
    yield from range(int(found[1]), int(found[2] or found[1]) + 1)
