"""Enums that survive a newer writer."""

from __future__ import annotations

import copy
import pickle

import msgspec
import pytest

from sluice_common.model.download import Download, Intent
from sluice_common.model.enums import Health, IntentKind, OpenEnum, Reason, State

OPEN: list[type[OpenEnum]] = [State, Health, Reason, IntentKind]


@pytest.mark.parametrize("kind", OPEN)
def test_every_word_of_ours_is_known_and_itself(kind: type[OpenEnum]) -> None:
    """Known words decode to the member, and go out as they came."""
    for member in kind:
        assert kind(str(member)) is member
        assert member.is_known
        assert msgspec.json.decode(msgspec.json.encode(member), type=kind) is member


@pytest.mark.parametrize("kind", OPEN)
def test_an_unknown_word_is_kept_and_known_to_be_unknown(kind: type[OpenEnum]) -> None:
    """It goes out verbatim, compares with its own word, and does not become a member for everybody."""
    word = kind("hibernating")
    assert (str(word), word.value, word.name, word.is_known) == ("hibernating", "hibernating", "UNKNOWN", False)
    assert word == kind("hibernating")
    assert word == "hibernating"
    assert word != kind("unknown")
    assert msgspec.json.encode(word) == b'"hibernating"'
    assert "hibernating" not in [str(member) for member in kind]
    assert hash(word) == hash(kind("hibernating"))


@pytest.mark.parametrize("kind", OPEN)
@pytest.mark.parametrize("value", [None, 7, 1.5, b"ok", ["ok"]])
def test_what_is_no_word_is_refused(kind: type[OpenEnum], value: object) -> None:
    """Only strings are words."""
    with pytest.raises(ValueError, match="is not a valid"):
        kind(value)  # type: ignore[arg-type]  # that is the point


@pytest.mark.parametrize("kind", OPEN)
def test_every_enum_has_a_word_for_unknown(kind: type[OpenEnum]) -> None:
    """A reader can always say that it does not know."""
    assert kind("unknown").is_known


def test_a_row_with_unknown_words_can_be_compared_copied_and_kept() -> None:
    """What a table does with rows works for a newer writer's too."""
    row = Download(client="c", id="x", state=State("hibernating"), reason=Reason("solar_flare"))
    data = msgspec.msgpack.encode(row)
    again = msgspec.msgpack.decode(data, type=Download)
    assert again == row
    assert msgspec.msgpack.encode(again) == data
    assert copy.deepcopy(again) == row
    assert msgspec.structs.replace(row, name="n").state == "hibernating"
    assert {again.state: 1}[State("hibernating")] == 1
    assert str(pickle.loads(pickle.dumps(again.state))) == "hibernating"  # noqa: S301 - our own bytes


def test_what_is_unknown_is_none() -> None:
    """A row that nobody filled claims no size, no time and no speed."""
    row = Download(client="c", id="x")
    for name in ("size", "total_size", "done", "down_speed", "eta", "ratio", "seeding_time", "added_at", "private"):
        assert getattr(row, name) is None
    assert (row.is_complete, str(row.state), row.intent) == (False, "unknown", None)


def test_an_intent_counts_only_once_it_is_accepted() -> None:
    """A committed intent that the client has not taken waives nothing."""
    fields = {field.name: field.default for field in msgspec.structs.fields(Intent)}
    assert fields["accepted"] is False
