"""Lets a real client meet the seeder of a swarm, where it does not dial what a tracker names."""

from __future__ import annotations

import time

from support.clients import DIALLED, RealClient
from support.swarm import Swarm

EVERY = 0.5  # seconds between two attempts to reach one client for one download


class Meeting:
    """The seeder of `swarm` and `client`, which may have to be dialled."""

    def __init__(self, swarm: Swarm, client: RealClient) -> None:
        self._swarm = swarm
        self._client = client
        self._next: dict[str, float] = {}

    def introduce(self, *download_ids: str) -> None:
        """To be called again and again while somebody waits for these downloads: a dial may come too early."""
        if self._client.type in DIALLED:
            for download_id in download_ids:
                self._introduce(download_id)

    def _introduce(self, download_id: str) -> None:
        if time.monotonic() >= self._next.get(download_id, 0.0):
            self._next[download_id] = time.monotonic() + EVERY
            self._swarm.connect(download_id, self._client.peer_port)
