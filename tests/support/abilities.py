"""What a test shows of a client, for the page on clients: a mark on the test, collected from its class."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import Any, TypeVar

from sluice_common.model.enums import State

F = TypeVar("F", bound=Callable[..., Any])


class Ability(StrEnum):
    """What can be asked of a client through Sluice, in the order of the page."""

    ADD_MAGNET = "add a magnet"
    ADD_TORRENT = "add a .torrent"
    ADD_PAUSED = "add paused"
    SAVE_PATH = "add into a folder of its own"
    CATEGORY = "add with a category"
    PAUSE = "pause"
    RESUME = "resume"
    RECHECK = "recheck"
    REMOVE = "remove, keeping the data"
    REMOVE_DATA = "remove with the data"
    FILES = "list the files"


Shown = Ability | State


def shows(*what: Shown) -> Callable[[F], F]:
    """Mark a test: that it passes shows these abilities, or states of a running client (for which it must wait)."""

    def mark(test: F) -> F:
        test.__dict__["shows"] = what
        return test

    return mark


def marked(suite: type) -> Iterator[tuple[str, Shown]]:
    """The marks in a class of tests: (the test's name, what it shows)."""
    for name in dir(suite):
        if name.startswith("test_"):
            for shown in getattr(getattr(suite, name), "shows", ()):
                yield name, shown
