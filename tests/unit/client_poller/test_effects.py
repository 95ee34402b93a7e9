"""What the table must show before a command is said to have worked."""

from __future__ import annotations

from typing import Any

import pytest

from sluice_client_poller import effects
from sluice_common.model.download import Download
from sluice_common.model.edits import (
    AddPeers,
    AlternativeLimits,
    AnyEdit,
    ChooseFiles,
    EditTrackers,
    ForceStart,
    GlobalLimits,
    Move,
    PauseAll,
    Place,
    QueueMove,
    Reannounce,
    Rename,
    ResumeAll,
    SetCategory,
    SetLimits,
    SetTags,
)
from sluice_common.model.enums import State


def row(**fields: Any) -> Download:
    """A download that is downloading, but for what is named."""
    return Download(**({"client": "c", "id": "a", "state": State.DOWNLOADING} | fields))


PAUSED = row(state=State.PAUSED)


def test_what_a_command_does() -> None:
    """A pause shows in the state, an add in that the row is there, a remove in that it is not."""
    assert [effects.is_paused(one) for one in (row(), PAUSED)] == [False, True]
    assert [effects.runs(one) for one in (row(), PAUSED)] == [True, False]
    assert [effects.is_there(one) for one in (row(), None)] == [True, False]
    assert [effects.is_gone(one) for one in (row(), None)] == [False, True]


@pytest.mark.parametrize(
    ("edit", "before", "after"),
    [
        (ForceStart(), PAUSED, row()),
        (ForceStart(), PAUSED, row(state=State.PAUSED, forced=True)),
        (ForceStart(on=False), row(forced=True), PAUSED),
        (SetCategory(category="tv"), row(category="films"), row(category="tv")),
        (SetCategory(category=None), row(category="films"), row(category="")),
        (SetCategory(category=""), row(category="films"), row()),
        (SetTags(tags=("a", "b")), row(tags=("a",)), row(tags=("b", "a"))),
        (SetTags(tags=()), row(tags=("a",)), row()),
        (Move(save_path="/new/"), row(save_path="/old"), row(save_path="/new")),
        (Move(save_path="D:\\new"), row(), row(save_path="D:\\new\\")),
        (Move(save_path="/Part IX"), row(save_path="/Part I"), row(save_path="/Part IX")),
        (Move(save_path="/new"), row(save_path="/new", state=State.MOVING), row(save_path="/new/")),
        (Rename(name="New"), row(name="Old"), row(name="New")),
    ],
)
def test_an_edit_that_shows(edit: AnyEdit, before: Download, after: Download) -> None:
    """In whatever way clients write it, and not before; a row that is gone waits for nothing."""
    shows = effects.of(edit)
    assert [shows(before), shows(after), shows(None)] == [False, True, True]


@pytest.mark.parametrize(
    "edit",
    [
        Reannounce(),
        QueueMove(to=Place.TOP),
        SetLimits(download=1),
        ChooseFiles(wanted=(0,)),
        EditTrackers(),
        AddPeers(peers=()),
    ],
    ids=repr,
)
def test_an_edit_that_no_row_shows(edit: AnyEdit) -> None:
    """One look is enough."""
    assert effects.of(edit)(row())


@pytest.mark.parametrize("state", State)
def test_all_of_them(state: State) -> None:
    """A pause ends every transfer, and neither checks nor moves; limits are in no row."""
    transfers = state in (State.QUEUED, State.FETCHING_METADATA, State.DOWNLOADING, State.SEEDING)
    rows = [PAUSED, row(state=state)]
    assert effects.of_all(PauseAll())(rows) == (not transfers)
    assert not effects.of_all(ResumeAll())(rows)
    assert effects.of_all(ResumeAll())(rows[1:]) == (state != State.PAUSED)
    for control in (GlobalLimits(download=1), AlternativeLimits(on=True)):
        assert effects.of_all(control)(rows)
