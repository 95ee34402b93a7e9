"""What the importer counts. Labels are bounded: states, reason codes, methods."""

from __future__ import annotations

from prometheus_client import Counter, Histogram

from sluice_common.kit.metrics import REGISTRY

TRANSITIONS = Counter(
    "sluice_importer_transitions",
    "Imports that reached a state, with its reason",
    ["state", "reason"],
    registry=REGISTRY,
)
IMPORT_SECONDS = Histogram(
    "sluice_importer_import_seconds",
    "From claiming a complete download to its registration",
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200),
    registry=REGISTRY,
)
PLACED_BYTES = Counter(
    "sluice_importer_placed_bytes", "Bytes of files placed, by method", ["method"], registry=REGISTRY
)
PLACED_FILES = Counter("sluice_importer_placed_files", "Files placed, by method", ["method"], registry=REGISTRY)
