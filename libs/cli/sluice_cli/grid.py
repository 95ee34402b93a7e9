"""What every table here is made of: columns that give way in a narrow terminal, cells that are cut, never wrapped."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text


def table(*columns: str, right: Sequence[str] = (), wide: str | None = None) -> Table:
    """An empty table. Where the terminal is too narrow, the `wide` column gives way first; see `add`."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, justify="right" if column in right else "left", no_wrap=column != wide)
    return table


def add(table: Table, *cells: str | Text) -> None:
    """A row. Rich shrinks columns that may wrap before others; the cells themselves are cut and never wrapped."""
    row = [cell if isinstance(cell, Text) else Text(cell) for cell in cells]
    for cell in row:
        cell.no_wrap, cell.overflow = True, "ellipsis"
    table.add_row(*row)


def lines(*parts: str) -> Text:
    """Lines of text without the empty ones."""
    return Text("\n".join(part for part in parts if part))


def with_next(table: Table, document: dict[str, Any]) -> RenderableType:
    """The table, and that there is more where there is."""
    if not document.get("next"):
        return table
    return Group(table, lines("There is more; --limit shows it."))
