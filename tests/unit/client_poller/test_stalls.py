"""A stall is time in which a download could have got something and did not."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice_client_poller.session import Session
from sluice_client_poller.stalls import Stalls
from sluice_common.kit.settings import PollSettings
from sluice_common.model.download import Download
from sluice_common.model.enums import Reason, State
from support import poll_machine
from support.poll_machine import Client, Side, Time, in_memory

GRACE = 300.0
ROW = Download(client="c", id="a", state=State.DOWNLOADING, done=5, size=10)


def changed(**changes: Any) -> Download:
    """The row, changed."""
    return msgspec.structs.replace(ROW, **changes)


def looked(stalls: Stalls, *rows: Download, at: float, runs: bool = True) -> set[str]:
    """A look at rows of which the table has what it was told last."""
    return stalls.look([(row, row) for row in rows], at=at, runs=runs)


def test_it_warns_once_the_grace_is_over() -> None:
    """Not before, and the change of the verdict is told once."""
    stalls = Stalls(GRACE)
    assert [looked(stalls, ROW, at=at) for at in (1000, 1299, 1300, 1400)] == [set(), set(), {"a"}, set()]
    assert stalls.is_stalled("a")
    assert not stalls.is_stalled("b")


@pytest.mark.parametrize("moved", [{"done": 6}, {"down_speed": 1}, {"state": State.FETCHING_METADATA}])
def test_whatever_comes_sets_the_clock_back(moved: dict[str, Any]) -> None:
    """A byte, a speed, its metadata: it gets somewhere, and has the whole grace again."""
    stalls = Stalls(GRACE)
    looked(stalls, ROW, at=0)
    assert looked(stalls, ROW, at=400) == {"a"}
    assert looked(stalls, changed(**moved), at=401) == {"a"}
    assert not stalls.is_stalled("a")
    looked(stalls, changed(**(moved | {"down_speed": None})), at=402)
    assert looked(stalls, changed(**(moved | {"down_speed": None})), at=700) == set()
    assert looked(stalls, changed(**(moved | {"down_speed": None})), at=702) == {"a"}


def test_what_is_not_tried_has_no_clock() -> None:
    """Paused, queued or gone for a night, and back: it begins anew."""
    stalls = Stalls(GRACE)
    looked(stalls, ROW, at=0)
    looked(stalls, ROW, at=299)
    looked(stalls, at=300)
    assert looked(stalls, ROW, at=10_000) == set()
    assert looked(stalls, ROW, at=10_299) == set()
    assert looked(stalls, ROW, at=10_300) == {"a"}
    assert looked(stalls, at=10_301) == {"a"}


def test_a_night_without_the_client_is_nobodys_fault() -> None:
    """The clock stands while the client is away or throttled, and goes on where it was."""
    stalls = Stalls(GRACE)
    looked(stalls, ROW, at=0)
    looked(stalls, ROW, at=200)
    stalls.interrupt()
    assert looked(stalls, ROW, at=9000) == set()
    looked(stalls, ROW, at=9050, runs=False)
    assert looked(stalls, ROW, at=9900) == set()
    assert looked(stalls, ROW, at=9999) == set()
    assert looked(stalls, ROW, at=10_000) == {"a"}


async def test_an_hour_without_the_bus_is_nobodys_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of what the client says can be written down meanwhile: the clock stands, and goes on where it was."""
    monkeypatch.setattr(poll_machine, "SETTINGS", PollSettings(stalled_after=GRACE))
    time, client = Time(), Client()
    side = Side(Session, client, time)

    async def poll(after: float, trouble: str = "") -> list[str]:
        time.passed += after
        client.rows["b"] = changed(id="b", state=State.SEEDING, done=int(time.passed))  # there is something to write
        client.list_now()
        side.stream.trouble = trouble
        await side.session._turn()
        return [row.id for row in side.session.quiet_for(GRACE)]

    with in_memory():
        client.rows["a"] = ROW
        assert [await poll(0), await poll(10), await poll(10, "lost"), await poll(3600)] == [[], [], [], []]
        assert [await poll(GRACE - 11), await poll(1)] == [[], ["a"]]


def test_who_takes_a_client_over_believes_the_table() -> None:
    """What is stalled there is stalled, without another grace and without another event."""
    stalls = Stalls(GRACE)
    assert looked(stalls, changed(reason=Reason.STALLED), at=0) == {"a"}
    assert stalls.is_stalled("a")
    assert stalls.look([(changed(reason=Reason.STALLED), changed(done=6))], at=1, runs=True) == {"a"}


def test_for_how_long() -> None:
    """Policies ask for those that are quiet for longer than they like, which is never less than the grace."""
    stalls = Stalls(GRACE)
    looked(stalls, ROW, changed(id="b"), at=0)
    looked(stalls, ROW, changed(id="b", down_speed=1), at=500)
    assert (stalls.quiet_for(0), stalls.quiet_for(500), stalls.quiet_for(501)) == (["a"], ["a"], [])


@given(st.lists(st.tuples(st.floats(0.1, 100), st.booleans(), st.booleans())))
def test_no_more_than_was_watched(looks: list[tuple[float, bool, bool]]) -> None:
    """However looks, throttling and absences follow one another: the clock never shows more than what lay between two
    looks of which both could have seen something come."""
    stalls, at, watched, last = Stalls(GRACE), 0.0, 0.0, False
    for passed, runs, is_heard in looks:
        at += passed
        if not is_heard:
            stalls.interrupt()
            last = False
            continue
        looked(stalls, ROW, at=at, runs=runs)
        watched += passed if runs and last else 0.0
        last = runs
        assert stalls.is_stalled("a") == (watched >= GRACE) or abs(watched - GRACE) < 1e-6
