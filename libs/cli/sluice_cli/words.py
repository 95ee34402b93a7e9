"""Values as people read them: sizes, speeds, spans, times, and names that cannot harm a terminal. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from datetime import datetime
from itertools import pairwise

NOTHING = "–"
_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
_SPANS = ((86400 * 365, "y"), (86400, "d"), (3600, "h"), (60, "m"), (1, "s"))
MIN_ID = 8


def size(count: float | None) -> str:
    """Bytes: `1.4 GiB`."""
    if count is None:
        return NOTHING
    amount, unit = float(count), 0
    while abs(amount) >= 1023.95 and unit < len(_UNITS) - 1:
        amount, unit = amount / 1024, unit + 1
    return f"{int(amount)} B" if unit == 0 else f"{amount:.1f} {_UNITS[unit]}"


def speed(count: float | None) -> str:
    """Bytes per second; nothing where nothing flows."""
    return f"{size(count)}/s" if count else NOTHING


def span(seconds: float | None) -> str:
    """A length of time in its two largest units: `2h 5m`."""
    if seconds is None:
        return NOTHING
    left, parts = max(0, int(seconds)), list[str]()
    for length, unit in _SPANS:
        amount, left = divmod(left, length)
        if amount:
            parts.append(f"{amount}{unit}")
        elif parts:
            break
        if len(parts) == 2:
            break
    return " ".join(parts) or "0s"


def share(part: float | None) -> str:
    """0 to 1 as percent; only what is whole is 100 %."""
    if part is None:
        return NOTHING
    return "100%" if part >= 1 else f"{min(part * 100, 99.9):.1f}%"


def moment(text: str | None) -> str:
    """An API time in the reader's own zone, to the second."""
    if not text:
        return NOTHING
    try:
        return datetime.fromisoformat(text).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    except (ValueError, OverflowError):
        return clean(text)


def clean(text: object) -> str:
    """Text from the outside without control and direction characters: a download's name must not drive a terminal."""
    if text is None:
        return NOTHING
    return "".join(
        "\ufffd" if unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp") else char for char in str(text)
    )


def id_length(ids: Iterable[str]) -> int:
    """How many characters tell these ids apart, at least eight."""
    ordered = sorted({each.lower() for each in ids})
    shared = (_common(one, two) for one, two in pairwise(ordered))
    return max([MIN_ID, *(length + 1 for length in shared)])


def _common(one: str, two: str) -> int:
    return next((index for index, (a, b) in enumerate(zip(one, two, strict=False)) if a != b), min(len(one), len(two)))
