"""What the reconciler adds, and what it leaves alone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from sluice_common.contracts.events import DownloadData, lifecycle_id
from sluice_common.model.download import Download
from sluice_common.model.enums import State
from sluice_history.entry import Entry
from sluice_history.fold import ADDED, CANCELLED, COMPLETED, REMOVED, Fact, fold
from sluice_history.missing import missing

T0 = datetime(2026, 1, 1, tzinfo=UTC)
NOW = T0 + timedelta(days=1)


def row(epoch: str = "c100", **fields: Any) -> Download:
    return Download(client="deluge", id="a", epoch=epoch, name="Film", state=State.SEEDING, size=10, **fields)


def found(facts: Sequence[Fact], now: Download | None) -> list[Entry]:
    return list(missing("deluge", "a", fold(facts), now, NOW))


def said(entries: Sequence[Entry]) -> list[tuple[str, str | None]]:
    return [(entry.type, entry.epoch) for entry in entries]


def as_facts(entries: Sequence[Entry]) -> list[Fact]:
    return [Fact(entry.type, entry.epoch or "", entry.time, entry.data.get("size")) for entry in entries]


def test_an_unknown_complete_row_gets_its_arrival_and_completion() -> None:
    """A first run in front of what was there before tells when it came and when it was complete, as the client does."""
    done = T0 + timedelta(hours=2)
    added, completed = found([], row(is_complete=True, added_at=T0, completed_at=done))
    assert (added.type, added.time, completed.type, completed.time) == (ADDED, T0, COMPLETED, done)
    assert added.id == lifecycle_id(ADDED, "deluge", "a", "c100")
    assert completed.id == lifecycle_id(COMPLETED, "deluge", "a", "c100", 10)
    assert {added.source, completed.source} == {"reconciled"}
    assert msgspec.convert(added.data, DownloadData).name == "Film"


def test_nothing_is_added_where_the_state_agrees() -> None:
    """What is recorded is not recorded again, under any name that the same life may have after a wipe."""
    for known, now in (("c100", "c100"), ("c100.900", "c100"), ("s500", "s1500")):
        facts = [Fact(ADDED, known, T0), Fact(COMPLETED, known, T0, 10)]
        assert found(facts, row(now, is_complete=True)) == []


def test_only_the_missing_completion() -> None:
    """Other wanted bytes complete once more; the arrival stays as it was."""
    facts = [Fact(ADDED, "c100", T0), Fact(COMPLETED, "c100", T0, 4)]
    assert said(found(facts, row(is_complete=True))) == [(COMPLETED, "c100")]


def test_a_row_that_is_gone_was_removed() -> None:
    """A departure that nobody recorded is dated when it was noticed; a recorded one is left alone."""
    (left,) = found([Fact(ADDED, "c100", T0, name="Film")], None)
    assert (left.type, left.time, left.data["name"]) == (REMOVED, NOW, "Film")
    assert left.id == lifecycle_id(REMOVED, "deluge", "a", "c100")
    assert found([Fact(ADDED, "c100", T0), Fact(CANCELLED, "c100", T0)], None) == []


def test_an_item_that_was_added_anew_meanwhile() -> None:
    """Another stable time is another life: the old one ended, the new one began."""
    assert said(found([Fact(ADDED, "c100", T0)], row("c200"))) == [(REMOVED, "c100"), (ADDED, "c200")]


def test_a_client_clock_that_is_ahead_does_not_reorder_the_timeline() -> None:
    """Times after the poll are not believed, and a completion never precedes its arrival."""
    late = NOW + timedelta(days=300)
    added, completed = found([], row(is_complete=True, added_at=late, completed_at=T0, first_seen=T0))
    assert T0 <= added.time < completed.time <= NOW + timedelta(seconds=1)


_EPOCHS = st.sampled_from(["c100", "c100.900", "c200", "s500", "s1500"])
_FACTS = st.builds(
    Fact,
    st.sampled_from([ADDED, COMPLETED, REMOVED, CANCELLED]),
    _EPOCHS,
    st.just(T0),
    st.sampled_from([None, 10, 20]),
)


@given(st.lists(_FACTS, max_size=10), st.none() | st.builds(row, _EPOCHS, is_complete=st.booleans()))
def test_a_second_look_adds_nothing_new(facts: list[Fact], now: Download | None) -> None:
    """What was added settles it: another look only repeats ids that are recorded, which changes nothing."""
    once = found(facts, now)
    again = found([*facts, *as_facts(once)], now)
    recorded = {lifecycle_id(f.type, "deluge", "a", f.epoch, *([f.size] if f.type == COMPLETED else [])) for f in facts}
    assert {entry.id for entry in again} <= recorded | {entry.id for entry in once}
