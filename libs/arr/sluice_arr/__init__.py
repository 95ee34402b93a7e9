"""Sonarr and Radarr, version 3 of their API: what they know of series and movies, and what they do with downloads.

`App` makes the calls; `wire` parses replies, `mapping` turns them into what the bus carries. Nothing is ever changed
in an app from here.
"""

from sluice_arr.client import App, Kind

__all__ = ["App", "Kind"]
