"""The one metric registry, and the metrics that every process has.

Each metric is declared once, with its meaning, in its service's `metrics.py` (`registry=REGISTRY`). Labels are bounded:
a client's name may be one, a hash, a title or a subject never.
"""

from __future__ import annotations

from importlib import metadata

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Gauge,
    GCCollector,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)

disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series per counter that nobody reads
REGISTRY = CollectorRegistry(auto_describe=True)
ProcessCollector(registry=REGISTRY)
GCCollector(registry=REGISTRY)


def version() -> str:
    """The version of this distribution; `0` in a tree that was never installed."""
    try:
        return metadata.version("sluice")
    except metadata.PackageNotFoundError:
        return "0"


BUILD_INFO = Gauge(
    "sluice_build_info", "Always 1; the label carries the version that runs.", ["version"], registry=REGISTRY
)
BUILD_INFO.labels(version()).set(1)

LOOP_LAG = Histogram(
    "sluice_loop_lag_seconds",
    "How late the event loop woke a sleeper, measured twice a second: what every other task had to wait for.",
    buckets=(0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0),
    registry=REGISTRY,
)


def render() -> tuple[bytes, str]:
    """The registry in Prometheus' text format, and its content type."""
    return generate_latest(REGISTRY), CONTENT_TYPE_LATEST
