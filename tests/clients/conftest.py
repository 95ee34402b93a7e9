"""The real clients that these tests talk to."""

from __future__ import annotations

from support.fixtures import deluge, own_deluge, swarm

__all__ = ["deluge", "own_deluge", "swarm"]
