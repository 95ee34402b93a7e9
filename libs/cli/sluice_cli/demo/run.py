"""The demo, composed: directory, children, story, and the end of it all in order. No plot is written here."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import SystemRandom

from sluice_cli.demo.home import home
from sluice_cli.demo.programs import Household, prepare, specs
from sluice_cli.demo.screen import Screen
from sluice_cli.demo.story import TORRENTS, Story, opening
from sluice_cli.failure import Failure
from sluice_cli.run import console
from sluice_common.kit.clock import SYSTEM_CLOCK
from sluice_common.kit.tasks import leaves
from sluice_embedded.children import Child, ChildRefused
from sluice_embedded.logs import tail
from sluice_embedded.signals import cancelled_by_signals

INTERRUPTED = 130


@dataclass(frozen=True)
class Options:
    """`deluge`: an environment with Deluge and libtorrent; `once`: end when all is in the library; `keep`: where the
    files stay."""

    deluge: Path
    once: bool
    keep: Path | None


def run(options: Options) -> int:
    """Play the demo; returns the exit code. Call it from the main thread."""
    return asyncio.run(_run(options))


async def _run(options: Options) -> int:
    screen = Screen(console(), opening())
    failures: list[Exception] = []
    with cancelled_by_signals(screen.say) as asked:
        try:
            with home(options.keep) as place, screen:
                await _perform(prepare(place, options.deluge, TORRENTS), screen, options.once)
        except* (Failure, ChildRefused, OSError) as group:
            failures += leaves(group)
        except* asyncio.CancelledError:
            if not asked.is_set():
                raise
    if failures:
        screen.say(f"The demo failed: {failures[0]}")
        return 1
    return 0 if screen.scene.seconds is not None else INTERRUPTED


async def _perform(household: Household, screen: Screen, once: bool) -> None:
    story = Story(household, screen, SYSTEM_CLOCK)
    try:
        async with asyncio.TaskGroup() as group:
            children = [
                Child(spec, SYSTEM_CLOCK, SystemRandom(), screen.say, _nothing) for spec in specs(household, os.environ)
            ]
            running = [group.create_task(child.run()) for child in children]
            await story.start()
            await story.play(once)
            for task in running:
                task.cancel()
    except* ChildRefused as group_of_ended:
        raise Failure(_ended(leaves(group_of_ended))) from None
    except* Failure as group_of_failures:
        raise Failure(f"{leaves(group_of_failures)[0]}\n{_last_lines(household)}") from None


def _nothing() -> None:
    """Nobody keeps a list of these children."""


def _ended(ended: Iterable[ChildRefused]) -> str:
    return "\n".join(f"{child.name} ended. Its last lines:\n{child.words}" for child in ended)


def _last_lines(household: Household) -> str:
    """Of every log, since all of them are about to be removed."""
    logs: Sequence[Path] = [*sorted(household.home.logs.glob("*.log")), *sorted(household.layout.logs.glob("*.log"))]
    return "\n".join(f"  The last lines of {path.name}:\n{words}" for path in logs if (words := tail(path, lines=8)))
