"""Release names to values: pure. Nothing here connects, reads a clock, a file or a catalogue.

`parse` turns a name into a `Release`, `same_title` compares two titles as people do.
"""

from sluice_names.parse import parse
from sluice_names.release import Kind, Quality, Release
from sluice_names.titles import fold_title, same_title

__all__ = ["Kind", "Quality", "Release", "fold_title", "parse", "same_title"]
