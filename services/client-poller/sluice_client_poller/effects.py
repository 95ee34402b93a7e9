"""How the committed row shows that a command worked; a row that is gone waits for nothing more. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sluice_common.model.download import Download
from sluice_common.model.edits import AnyEdit, Edit, ForceStart, Move, Rename, SetCategory, SetTags
from sluice_common.model.enums import State

Effect = Callable[[Download | None], bool]


def is_paused(row: Download | None) -> bool:
    """It was paused."""
    return row is None or row.state == State.PAUSED


def runs(row: Download | None) -> bool:
    """It was resumed."""
    return row is None or row.state != State.PAUSED


def is_there(row: Download | None) -> bool:
    """It was added."""
    return row is not None


def is_gone(row: Download | None) -> bool:
    """It was removed."""
    return row is None


def of(edit: AnyEdit) -> Effect:
    """What to wait for after an edit. Of what no row shows, such as an announce, one look is enough."""
    shown = _SHOWN.get(type(edit))
    return lambda row: row is None or shown is None or shown(edit, row)


def _forced(edit: ForceStart, row: Download) -> bool:
    """A client without a mark for it shows at least that it runs."""
    return row.forced or row.state != State.PAUSED if edit.on else not row.forced


def _in_category(edit: SetCategory, row: Download) -> bool:
    return (row.category or None) == (edit.category or None)


def _tagged(edit: SetTags, row: Download) -> bool:
    return set(row.tags) == set(edit.tags)


def _moved(edit: Move, row: Download) -> bool:
    """Clients differ in whether they keep a slash at the end."""
    there = row.save_path is not None and row.save_path.rstrip("/\\") == edit.save_path.rstrip("/\\")
    return there and row.state != State.MOVING


def _renamed(edit: Rename, row: Download) -> bool:
    return row.name == edit.name


_SHOWN: Mapping[type[Edit], Callable[[Any, Download], bool]] = {
    ForceStart: _forced,
    SetCategory: _in_category,
    SetTags: _tagged,
    Move: _moved,
    Rename: _renamed,
}
