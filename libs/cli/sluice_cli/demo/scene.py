"""What one sees of the demo at a moment, as values, and as text: drawn for a terminal, in lines for a pipe. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from sluice_cli.words import clean, share, size, speed

_BAR = 28
_QUARTERS = 4
_IMPORT_WORDS = {
    "none": "the import waits for the whole download",
    "waiting": "the import waits",
    "planned": "planned",
    "importing": "importing …",
    "imported": "imported",
}


@dataclass
class Step:
    """One thing that has to run first; `seconds` since the start once it does."""

    words: str
    seconds: float | None = None


@dataclass(frozen=True)
class Placed:
    """A file in the library: `tv/…`, and its path on the disk. `same`: it is the very file that the client seeds."""

    name: str
    path: Path
    size: int
    inode: int
    links: int
    same: bool


@dataclass
class Title:
    """One magnet: its row of the queue as last heard, and where its file ended."""

    what: str
    name: str
    row: dict[str, Any] | None = None
    placed: Placed | None = None


@dataclass
class Scene:
    """Everything there is to see. `seconds`: from the first magnet to both titles in the library."""

    steps: list[Step]
    titles: list[Title]
    seconds: float | None = None


def draw(scene: Scene) -> RenderableType:
    """The scene for a terminal."""
    parts: list[RenderableType] = [Text("\nSluice: from a magnet to the library\n", style="bold")]
    parts += [_step(step) for step in scene.steps]
    if any(title.row for title in scene.titles):
        parts += [Padding(_title(title), (1, 0, 0, 2)) for title in scene.titles]
    if scene.seconds is not None:
        parts.append(Text(f"\n{_done(scene.seconds)}", style="bold green"))
    return Group(*parts)


def _step(step: Step) -> Text:
    if step.seconds is None:
        return Text(f"  … {step.words}", style="dim")
    return Text.assemble(("  ✓ ", "green"), step.words, (f"  ({step.seconds:.1f} s)", "dim"))


def _title(title: Title) -> RenderableType:
    head = Text(f"{title.what}  ", style="bold", no_wrap=True, overflow="ellipsis").append(title.name, style="")
    if title.row is None:
        return Group(head, Text("  its magnet is being added …", style="dim"))
    row = title.row
    line = Table.grid(padding=(0, 2))
    bar = ProgressBar(total=1.0, completed=row["progress"] or 0.0, width=_BAR)
    pace = speed(row["down_speed"]) if row["state"] == "downloading" else ""
    line.add_row(Text(" "), bar, share(row["progress"]), _state(row), pace)
    return Group(head, line, *_import(title, row))


def _state(row: dict[str, Any]) -> Text:
    return Text(_plain(row), style="green" if row["state"] == "seeding" else "")


def _plain(row: dict[str, Any]) -> str:
    return clean(row["state"]).replace("_", " ")


def _import(title: Title, row: dict[str, Any]) -> Iterator[Text]:
    if title.placed is None:
        state = row["import"]["state"]
        yield Text(f"    {_IMPORT_WORDS.get(state, state)}", style="dim")
        return
    yield Text.assemble(("    → ", "green"), title.placed.name)
    yield Text(f"      {_sameness(title.placed, row)}", style="dim")


def _sameness(placed: Placed, row: dict[str, Any]) -> str:
    if not placed.same:
        return f"a copy, {size(placed.size)}"
    still = ", still seeding" if row["state"] == "seeding" else ""
    return f"hardlinked: the same {size(placed.size)} (inode {placed.inode}, {placed.links} names){still}"


def _done(seconds: float) -> str:
    return f"Both are in the library, {seconds:.1f} s after the first magnet."


def lines(scene: Scene) -> Iterator[str]:
    """The scene for a pipe: what has happened so far, oldest first; a line that was told once stays as it is."""
    for step in scene.steps:
        if step.seconds is not None:
            yield f"{step.words} ({step.seconds:.1f} s)"
    for title in scene.titles:
        yield from _title_lines(title)
    if scene.seconds is not None:
        yield _done(scene.seconds)


def _title_lines(title: Title) -> Iterator[str]:
    if title.row is None:
        return
    row = title.row
    quarter = int((row["progress"] or 0.0) * _QUARTERS) * 100 // _QUARTERS
    yield f"{title.name}: {_plain(row)}, {quarter} %"
    if row["import"]["state"] not in ("none", "imported"):
        yield f"{title.name}: {_IMPORT_WORDS.get(row['import']['state'], row['import']['state'])}"
    if title.placed is not None:
        yield f"{title.name}: in the library as {title.placed.path}"
        yield f"{title.name}: {_sameness(title.placed, {'state': ''})}"
