"""How many seconds a client has for an answer to a poll, whatever its kind; commands have their adapter's own time."""

from __future__ import annotations

DELTA = 10.0  # what changed, or whether it is there at all
LIST = 60.0  # everything: seconds of work for 10,000 torrents, more on a box that swaps
