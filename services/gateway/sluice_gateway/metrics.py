"""Every metric of the gateway, declared once. Labels are bounded: route templates, statuses, configured clients."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

from sluice_common.kit.metrics import REGISTRY

REQUESTS = Counter(
    "sluice_gateway_requests_total",
    "Requests answered, by route template (`other` where none matched), method and status.",
    ["route", "method", "status"],
    registry=REGISTRY,
)
REQUEST_SECONDS = Histogram(
    "sluice_gateway_request_seconds",
    "From a request's arrival to the end of its answer, by route template; streams are not counted.",
    ["route"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0),
    registry=REGISTRY,
)
SUBSCRIBERS = Gauge("sluice_gateway_sse_subscribers", "Open event streams.", registry=REGISTRY)
CUT_OFF = Counter(
    "sluice_gateway_sse_cut_off_total", "Event streams ended because their reader did not keep up.", registry=REGISTRY
)
ROWS = Gauge("sluice_gateway_rows", "Downloads in the replica, by client.", ["client"], registry=REGISTRY)
FRAMES = Counter(
    "sluice_gateway_frames_applied_total", "Frames applied to the replica, by client.", ["client"], registry=REGISTRY
)
RESETS = Counter(
    "sluice_gateway_replays_total", "How often the whole queue was read again from the stream.", registry=REGISTRY
)
FRAME_LAG = Histogram(
    "sluice_gateway_frame_lag_seconds",
    "From a poll to its frame being visible here; holds the clock difference between the two machines.",
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0),
    registry=REGISTRY,
)
FINDINGS = Gauge(
    "sluice_gateway_doctor_findings",
    "What the last run of doctor found, by status: ok, warning, failed, unknown.",
    ["status"],
    registry=REGISTRY,
)
