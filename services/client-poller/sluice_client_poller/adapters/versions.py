"""Which versions of each kind of client are known to us, and what a client says of itself with that judged. Pure.

The one table of them: doctor judges by it, and docs/clients.md shows it beside what the suites ran with, which a test
compares.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

from sluice_client_poller.adapters.port import About
from sluice_common.contracts.doctor import AboutClient

Series = tuple[int, int]


class Versions(msgspec.Struct, frozen=True, kw_only=True):
    """Of one kind: what the suites ran with for `real`, what they have `recorded` replies of, and what is documented.

    `since` is the first series whose API's documentation says what we rely on, `before` the first that may say
    anything else.
    """

    real: tuple[str, ...]
    recorded: tuple[str, ...]
    since: Series
    before: Series

    @property
    def tested(self) -> tuple[str, ...]:
        """All versions that a test has seen, by number."""
        return tuple(sorted({*self.real, *self.recorded}, key=lambda version: _series(version) or (0, 0)))


KNOWN: Mapping[str, Versions] = {
    "deluge": Versions(real=("2.2.0",), recorded=("2.0.3",), since=(2, 0), before=(3, 0)),
    "qbittorrent": Versions(real=("4.5.2", "5.1.0"), recorded=("4.5.2", "5.1.0"), since=(4, 1), before=(6, 0)),
    "transmission": Versions(
        real=("3.00", "4.1.0-beta.2"), recorded=("3.00", "4.1.0-beta.2"), since=(2, 90), before=(5, 0)
    ),
}
_NUMBERS = re.compile(r"(\d+)\.(\d+)")


def about(kind: str, told: About) -> AboutClient:
    """The answer to `about`."""
    return AboutClient(
        version=told.version,
        is_tried=is_known(kind, told.version),
        save_path=told.save_path,
        categories=dict(told.categories),
        is_tested=is_tested(kind, told.version),
        tested=KNOWN[kind].tested if kind in KNOWN else (),
    )


def is_known(kind: str, version: str | None) -> bool | None:
    """Whether a version, as `v4.5.2` or `3.00 (bb6b5a062e)`, is one that we know; None where that cannot be told."""
    series = _series(version)
    if series is None or kind not in KNOWN:
        return None
    return KNOWN[kind].since <= series < KNOWN[kind].before


def is_tested(kind: str, version: str | None) -> bool | None:
    """Whether one of its series (4.5 of 4.5.2) was tested, and not only read about."""
    series = _series(version)
    if series is None or kind not in KNOWN:
        return None
    return series in map(_series, KNOWN[kind].tested)


def _series(version: str | None) -> Series | None:
    numbers = _NUMBERS.search(version or "")
    return (int(numbers[1]), int(numbers[2])) if numbers is not None else None
