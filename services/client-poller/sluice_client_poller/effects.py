"""How the committed row shows that a command worked; a row that is gone waits for nothing more. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from sluice_common.model.download import Download
from sluice_common.model.edits import (
    AnyControl,
    AnyEdit,
    Edit,
    ForceStart,
    Move,
    PauseAll,
    Rename,
    ResumeAll,
    SetCategory,
    SetTags,
)
from sluice_common.model.enums import State

# What a pause of everything ends. Checks and moves go on, and what is completed does nothing.
_TRANSFERRING = (State.QUEUED, State.FETCHING_METADATA, State.DOWNLOADING, State.SEEDING)

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


def of_all(control: AnyControl) -> Callable[[Iterable[Download]], bool]:
    """What to wait for in all rows after a control. Of what they do not show, such as limits, one look is enough."""
    if isinstance(control, PauseAll):
        return lambda rows: not any(row.state in _TRANSFERRING for row in rows)
    if isinstance(control, ResumeAll):
        return lambda rows: not any(row.state == State.PAUSED for row in rows)
    return lambda rows: True


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
