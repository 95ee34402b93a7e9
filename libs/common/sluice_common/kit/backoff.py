"""Retry delays as a pure function."""

from __future__ import annotations


def delay(attempt: int, *, base: float, cap: float, jitter: float) -> float:
    """Seconds to wait before the retry after failure number `attempt` (1 is the first).

    Doubles from `base` to `cap`; `jitter` in [0, 1) takes up to half of it away, so that many retriers spread out.
    """
    full = min(cap, base * 2.0 ** min(attempt - 1, 30))
    return full * (1 - jitter / 2)
