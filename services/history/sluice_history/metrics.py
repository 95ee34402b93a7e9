"""What history measures. Labels are event types of the contract, everything else is `other`."""

from __future__ import annotations

from prometheus_client import Counter, Histogram

from sluice_common.contracts.events import DATA
from sluice_common.kit.metrics import REGISTRY

RECORDED = Counter(
    "sluice_history_recorded_total", "Events recorded from the bus, by type.", ["type"], registry=REGISTRY
)
DUPLICATES = Counter(
    "sluice_history_duplicates_total", "Events that came again and were already recorded.", registry=REGISTRY
)
RECONCILED = Counter(
    "sluice_history_reconciled_total",
    "Events that were missing and were added from the clients' tables, by type.",
    ["type"],
    registry=REGISTRY,
)
LAG = Histogram(
    "sluice_history_lag_seconds",
    "From an event's time to its commit, for events recorded the first time.",
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60, 600),
    registry=REGISTRY,
)


def label(event_type: str) -> str:
    """A bounded label for any event type."""
    return event_type if event_type in DATA else "other"
