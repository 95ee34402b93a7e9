"""What the event of a command tells of it."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from sluice_client_poller.deeds import changes, masked, ranges
from sluice_common.contracts import commands
from sluice_common.contracts.events import ChangedField
from sluice_common.model import edits
from sluice_common.model.download import Download

SECRET = "5ecretpasskey"
URL = f"https://t.example:443/{SECRET}/announce?key={SECRET}"
ROW = Download(client="c", id="a", name="Old", category="tv", tags=("x",), save_path="/tv")

EDITS: list[tuple[edits.AnyEdit, list[tuple[Any, ...]]]] = [
    (edits.ForceStart(), [("forced", True, False)]),
    (edits.Reannounce(), []),
    (edits.QueueMove(to=edits.Place.TOP), [("queue", "top", None)]),
    (edits.SetCategory(category="films"), [("category", "films", "tv")]),
    (edits.SetCategory(category=None), [("category", None, "tv")]),
    (edits.SetTags(tags=("y", "z")), [("tags", ("y", "z"), ("x",))]),
    (edits.SetLimits(download=0, ratio=1.5), [("download_limit", 0, None), ("ratio_limit", 1.5, None)]),
    (edits.Move(save_path="/films"), [("save_path", "/films", "/tv")]),
    (edits.Rename(name="New"), [("name", "New", "Old")]),
    (edits.ChooseFiles(wanted=(0, 1, 2, 5), unwanted=(7,)), [("wanted", "0-2, 5", None), ("unwanted", "7", None)]),
    (edits.EditTrackers(add=(URL,), remove=(URL,)), [("trackers_added", ("t.example",), None),
                                                     ("trackers_removed", ("t.example",), None)]),
    (edits.AddPeers(peers=("192.0.2.7:1",)), [("peers", ("192.0.2.7:1",), None)]),
]  # fmt: skip


def told(body: object, before: Download | None = ROW) -> list[tuple[Any, ...]]:
    return [msgspec.structs.astuple(change) for change in changes(body, before)]


@pytest.mark.parametrize(("edit", "said"), EDITS, ids=lambda value: type(value).__name__)
def test_every_edit_says_what_it_sets_and_what_was_there(edit: edits.AnyEdit, said: list[tuple[Any, ...]]) -> None:
    """Whatever can be changed is told; a kind that is new must say what of it is told."""
    assert told(commands.Alter(id="a", edit=edit)) == said
    assert {type(each) for each, _ in EDITS} == set(edits.AnyEdit.__args__)


def test_an_add_and_a_whole_client() -> None:
    """Of an add what was asked for beside the source, of a control its values; without a row nothing was known."""
    add = commands.Add(magnet=f"magnet:?tr={URL}", category="tv", tags=("x",), download_limit=512)
    assert told(add) == [("category", "tv", None), ("tags", ("x",), None), ("download_limit", 512, None)]
    assert told(commands.Steer(control=edits.GlobalLimits(upload=0))) == [("upload_limit", 0, None)]
    assert told(commands.Steer(control=edits.AlternativeLimits(on=False))) == [("alternative_limits", False, None)]
    assert told(commands.Steer(control=edits.PauseAll())) == []
    assert told(commands.Alter(id="a", edit=edits.Rename(name="New")), None) == [("name", "New", None)]


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        (URL, "t.example"),
        (f"see {URL} there", "see t.example there"),
        (f"udp://me:{SECRET}@t.example:1", "t.example"),
        (f"magnet:?xt=urn:btih:x&tr={SECRET}", "magnet:…"),
        ("C:\\films and more", "C:\\films and more"),
        ("x" * 400, "x" * 300 + "…"),
    ],
)
def test_what_was_typed_is_told_without_secrets(typed: str, shown: str) -> None:
    """A URL may hold a pass key or a password wherever somebody types it: in a name, a tag, a folder."""
    assert masked(typed) == shown
    for edit in (edits.Rename(name=typed), edits.Move(save_path=typed), edits.SetTags(tags=(typed,))):
        assert SECRET not in str(changes(commands.Alter(id="a", edit=edit), ROW))


def test_long_lists_are_cut() -> None:
    """An event is read by people, and a bus takes no message of any size."""
    many = commands.Alter(id="a", edit=edits.SetTags(tags=tuple(map(str, range(100)))))
    (change,) = changes(many, None)
    assert isinstance(change, ChangedField)
    assert isinstance(change.to, tuple)
    assert (len(change.to), change.to[-1]) == (21, "… 100 in all")
    assert ranges(()) == ""
    scattered = edits.ChooseFiles(wanted=tuple(range(0, 20_000, 2)))
    assert len(str(changes(commands.Alter(id="a", edit=scattered), None))) < 1000
