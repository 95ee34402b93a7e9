"""Ties the replica to the live queue: frames and replays in, rows out. The replica moves bytes, the queue decides."""

from __future__ import annotations

from collections.abc import Iterable

from sluice_common.bus.replica import Replica
from sluice_common.contracts.frames import Applied
from sluice_common.kit.clock import Clock
from sluice_gateway import metrics
from sluice_gateway.live.tables import LiveQueue


class Feed:
    """Listens to a replica from its making on."""

    def __init__(self, replica: Replica, live: LiveQueue, clients: Iterable[str], clock: Clock) -> None:
        self._replica = replica
        self._live = live
        self._clients = frozenset(clients)
        self._clock = clock
        replica.on_frame.append(self._on_frame)
        replica.on_reset.append(self._on_reset)

    def _on_frame(self, client: str, applied: Applied) -> None:
        table = self._replica.table(client)
        if client not in self._clients or table is None:
            return
        self._live.apply(client, applied, table)
        metrics.FRAMES.labels(client).inc()
        metrics.ROWS.labels(client).set(self._live.count(client))
        metrics.FRAME_LAG.observe(max(0.0, (self._clock.now() - applied.polled_at).total_seconds()))

    def _on_reset(self) -> None:
        metrics.RESETS.inc()
        for client in self._clients:
            self._live.replace(client, self._replica.table(client))
            metrics.ROWS.labels(client).set(self._live.count(client))
