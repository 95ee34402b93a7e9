"""What the poller counts. Labels are bounded: configured clients, event types, fixed words."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

from sluice_common.kit.metrics import REGISTRY

FRAMES_COMMITTED = Counter(
    "sluice_poller_frames_committed", "Frames that became the table", ["kind"], registry=REGISTRY
)
FRAMES_FILL = Gauge("sluice_poller_frames_fill_ratio", "How full the queue's stream is, 0 to 1", registry=REGISTRY)
EVENTS_ANNOUNCED = Counter(
    "sluice_poller_events_announced", "Lifecycle events acknowledged by the bus", ["type"], registry=REGISTRY
)
POLLS = Counter(
    "sluice_poller_polls", "Polls by outcome: ok, or the reason they failed", ["client", "outcome"], registry=REGISTRY
)
POLL_SECONDS = Histogram("sluice_poller_poll_seconds", "How long a successful poll took", ["client"], registry=REGISTRY)
LEASES_HELD = Gauge("sluice_poller_leases_held", "Clients that this replica polls", registry=REGISTRY)
COMMANDS = Counter(
    "sluice_poller_commands",
    "Commands by verb and outcome: ok or the problem's code",
    ["verb", "outcome"],
    registry=REGISTRY,
)
STALL_ACTIONS = Counter(
    "sluice_poller_stall_actions", "What became of stalled downloads by policy", ["action"], registry=REGISTRY
)
HELD_REMOVALS = Gauge(
    "sluice_poller_held_removals",
    "Rows that vanished and are not yet believed to be gone",
    ["client"],
    registry=REGISTRY,
)
