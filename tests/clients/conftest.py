"""The real clients that these tests talk to."""

from __future__ import annotations

from support.fixtures import own_deluge, shared_clients, swarm

__all__ = ["own_deluge", "shared_clients", "swarm"]
