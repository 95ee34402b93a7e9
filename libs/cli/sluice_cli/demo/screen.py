"""Where the scene is shown: drawn anew in a terminal, told line by line into a pipe. Nothing is decided here."""

from __future__ import annotations

import contextlib
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.live import Live

from sluice_cli.demo.scene import Scene, draw, lines

_PER_SECOND = 4


class Screen:
    """Shows one scene; `show` after every change of it. `say` is for a sentence that stands by itself.

    A context manager: a terminal is drawn upon while the block runs or until something is said; the picture stays.
    """

    def __init__(self, console: Console, scene: Scene) -> None:
        self.scene = scene
        self._terminal = console.is_terminal
        self._live = Live(console=console, refresh_per_second=_PER_SECOND)
        self._told: set[str] = set()

    def __enter__(self) -> Self:
        if self._terminal:
            self.show()
            self._live.start(refresh=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def show(self) -> None:
        """The scene has changed."""
        if self._terminal:
            self._live.update(draw(self.scene))
            return
        for line in lines(self.scene):
            if line not in self._told:
                self._told.add(line)
                self.say(line)

    def say(self, text: str) -> None:
        """At once, also into a pipe; a terminal that was closed is no reason to end in disorder."""
        with contextlib.suppress(OSError):
            self._live.stop()
            print(text, flush=True)
