"""Fixtures of the faults: each test has a Deluge, libraries and a data directory of its own."""

from support.fixtures import own_deluge, swarm
from support.household import data, media

__all__ = ["data", "media", "own_deluge", "swarm"]
