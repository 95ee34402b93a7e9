"""Imports without what they would take along only if it is there. For libraries' optional extras, never for our own.

Several processes run on a small box: what each of them imports is paid four times, in seconds and in memory.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without(*modules: str) -> Iterator[None]:
    """Inside the block importing `modules` fails as if they were not installed; one that is loaded already stays."""
    absent = [name for name in modules if name not in sys.modules]
    sys.modules.update(dict.fromkeys(absent))  # type: ignore[arg-type]  # None: import's own word for "not to be had"
    try:
        yield
    finally:
        for name in absent:
            del sys.modules[name]
