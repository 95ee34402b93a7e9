"""Release names to values: pure. Nothing here connects, reads a clock, a file or a catalogue.

`parse` turns a name into a `Release`, `parse_path` a file with its folders, `readings` into every `Release` that it may
mean, for a catalogue to choose from; `same_title` compares two titles as people do.
"""

from sluice_names.parse import parse
from sluice_names.paths import bare_number, of_season, parse_path
from sluice_names.readings import Reading, readings
from sluice_names.release import Form, Kind, Quality, Release
from sluice_names.titles import fold_title, same_title

__all__ = [
    "Form",
    "Kind",
    "Quality",
    "Reading",
    "Release",
    "bare_number",
    "fold_title",
    "of_season",
    "parse",
    "parse_path",
    "readings",
    "same_title",
]
