"""Hypothesis profiles: `ci`, derandomised and the same every time, and `fuzz`, which looks for something new.

`make fuzz`, `pytest --hypothesis-profile fuzz -m hypothesis` and `SLUICE_HYPOTHESIS=fuzz pytest PATH` run 10,000 random
examples and print what repeats a failure.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

CI, FUZZ = "ci", "fuzz"

settings.register_profile(
    CI,
    max_examples=200,
    stateful_step_count=50,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile(
    FUZZ,
    max_examples=10_000,
    stateful_step_count=50,
    derandomize=False,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)


def load() -> None:
    """Load the profile that `SLUICE_HYPOTHESIS` names, `ci` unless set."""
    settings.load_profile(os.environ.get("SLUICE_HYPOTHESIS", CI))
