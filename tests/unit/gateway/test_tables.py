"""The live queue: frames in, rows and views out, with nothing that waits in between."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sluice_common.contracts.commands import Position
from sluice_common.contracts.frames import Applied, Change, FrameKind, Table
from sluice_common.contracts.library import ImportState
from sluice_common.model.download import Download
from sluice_gateway.live import tables
from sluice_gateway.live.overlay import Overlays
from sluice_gateway.live.rows import Overlay, progress
from sluice_gateway.live.tables import LiveQueue
from sluice_gateway.live.views import Filter, Order, View
from unit.gateway.made import row

NOW = datetime(2026, 11, 20, tzinfo=UTC)
NAMES = Order("name")


def table(*rows: Download, sequence: int = 1, incarnation: str = "i") -> Table:
    return Table(incarnation, 1, sequence, 0, NOW, {one.id: one for one in rows}, {})


def delta(queue: LiveQueue, shown: Table, *changes: Change) -> None:
    """Commit changes as a frame."""
    for change in changes:
        if change.after is None:
            del shown.rows[change.id]
        else:
            shown.rows[change.id] = change.after
    shown.sequence += 1
    queue.apply(
        "deluge",
        Applied(
            incarnation=shown.incarnation, frame_id="f", number=2, kind=FrameKind.DELTA, sequence=shown.sequence,
            polled_at=NOW, changes=changes,
        ),
        shown,
    )  # fmt: skip


async def ids(queue: LiveQueue, only: Filter = Filter(), order: Order = NAMES) -> list[str]:  # noqa: B008 - immutable
    return [key[3] for key in (await queue.view(only, order)).page(None, 1000)]


async def test_deltas_move_rows_through_every_view() -> None:
    """One frame changes every view that it concerns, and names those to whoever listens."""
    queue, heard = LiveQueue({"deluge": {"movies": "sluice"}}), list[Collection[View]]()
    shown = table(row("a"), row("b", category="movies"))
    queue.replace("deluge", shown)
    everything, movies = await queue.view(Filter(), NAMES), await queue.view(Filter(owners=("sluice",)), NAMES)
    queue.on_change.append(heard.append)
    delta(queue, shown, Change(shown.rows["a"], row("a", name="z")), Change(None, row("c")))
    assert await ids(queue) == ["b", "c", "a"]
    assert heard == [{everything}]
    delta(queue, shown, Change(shown.rows["b"], None))
    assert await ids(queue, Filter(owners=("sluice",))) == []
    assert heard[1] == {everything, movies}
    assert queue.position("deluge") == Position("i", 3)
    assert queue.position_text() == "deluge:i:3"


async def test_a_replaced_table_changes_only_what_differs() -> None:
    """After a replay equal rows stay the very entries they were, so that nobody is told of them again."""
    queue = LiveQueue({"deluge": {}})
    queue.replace("deluge", table(row("a"), row("b"), row("c")))
    before = queue.get("deluge", "a")
    queue.replace("deluge", table(row("a"), row("b", name="new"), incarnation="j"))
    assert queue.get("deluge", "a") is before
    assert await ids(queue) == ["a", "b"]
    changed = queue.get("deluge", "b")
    assert changed is not None
    assert changed.download.name == "new"


async def test_an_unknown_table_is_not_an_empty_one() -> None:
    """A table that nobody knows leaves the rows, without a position."""
    queue = LiveQueue({"deluge": {}})
    queue.replace("deluge", table(row("a")))
    queue.replace("deluge", None)
    assert await ids(queue) == ["a"]
    assert queue.position("deluge") is None
    assert queue.position_text() == "deluge:-"
    queue.replace("deluge", table())
    assert await ids(queue) == []


def test_clients_that_are_not_configured_are_not_shown() -> None:
    """Their frames are ignored."""
    queue = LiveQueue({"deluge": {}})
    queue.replace("stranger", table(row("a", client="stranger")))
    assert len(queue) == 0
    assert queue.get("stranger", "a") is None


def test_aliases_follow_their_row() -> None:
    """A row is found by any of its names, and by none of them once it or the name is gone."""
    queue = LiveQueue({"deluge": {}})
    shown = table(row("a", aliases=("a", "v2")))
    queue.replace("deluge", shown)
    found = queue.get("deluge", "v2")
    assert found is not None
    assert found.key == ("deluge", "a")
    delta(queue, shown, Change(shown.rows["a"], row("a", aliases=("a", "v3"))))
    assert queue.get("deluge", "v2") is None
    assert queue.get("deluge", "v3") is queue.get("deluge", "a")
    delta(queue, shown, Change(shown.rows["a"], None))
    assert queue.get("deluge", "v3") is None


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 25), st.lists(st.tuples(st.integers(0, 24), st.sampled_from(["a", "m", "z", None])), max_size=20))
def test_a_view_built_in_slices_misses_nothing(size: int, changes: Sequence[tuple[int, str | None]]) -> None:
    """Rows that change while a view is being built are right in it, and it is built once for all who ask."""
    queue = LiveQueue({"deluge": {}})
    shown = table(*(row(f"r{number}", name=f"n{number % 7}") for number in range(size)))
    queue.replace("deluge", shown)

    async def scenario() -> None:
        both = asyncio.gather(queue.view(Filter(), NAMES), queue.view(Filter(), NAMES))
        for number, name in changes:
            await asyncio.sleep(0)
            known, download_id = shown.rows.get(f"r{number}"), f"r{number}"
            if name is not None:
                delta(queue, shown, Change(known, row(download_id, name=name)))
            elif known is not None:
                delta(queue, shown, Change(known, None))
        first, second = await both
        assert first is second
        expected = sorted((one.name, one.id) for one in shown.rows.values())
        assert [(key[1], key[3]) for key in first.page(None, 100)] == expected

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(tables, "SLICE", 3)
        asyncio.run(scenario())


async def test_watched_views_stay_and_others_make_room() -> None:
    """Only so many views are kept, but one that is watched is never thrown away."""
    queue, numbers = LiveQueue({"deluge": {}}), count()
    watched = await queue.view(Filter(), NAMES)
    release = queue.pin(watched)
    for _ in range(tables.VIEWS + 5):
        await queue.view(Filter(search=str(next(numbers))), NAMES)
    assert await queue.view(Filter(), NAMES) is watched
    release()
    for _ in range(tables.VIEWS + 5):
        await queue.view(Filter(search=str(next(numbers))), NAMES)
    assert await queue.view(Filter(), NAMES) is not watched


async def test_an_overlay_is_a_change_of_its_row() -> None:
    """The higher version wins, whichever way it came; another epoch's import is not shown."""
    overlays = Overlays()
    queue = LiveQueue({"deluge": {}}, overlays.of)
    overlays.on_change.append(queue.refresh)
    queue.replace("deluge", table(row("a", epoch="c1")))

    def shown() -> str:
        entry = queue.get("deluge", "a")
        assert entry is not None
        return entry.overlay.state.value

    def tell(state: ImportState, version: int, epoch: str = "c1") -> None:
        overlays.take(("deluge", "a"), Overlay(epoch=epoch, state=state, version=version))

    assert shown() == "none"
    tell(ImportState.IMPORTING, 4)
    assert shown() == "importing"
    tell(ImportState.WAITING, 3)
    assert shown() == "importing"
    tell(ImportState.IMPORTED, 5)
    assert shown() == "imported"
    tell(ImportState.FAILED, 9, epoch="c0")
    assert shown() == "imported"
    tell(ImportState.WAITING, 1, epoch="c2")
    assert shown() == "imported"
    queue.replace("deluge", table(row("a", epoch="c2")))
    assert shown() == "waiting"
    tell(ImportState.FAILED, 10, epoch="c1")
    assert shown() == "waiting"


@pytest.mark.parametrize(
    ("fields", "share"),
    [
        ({"size": 4, "done": 1}, 0.25), ({"size": 4}, None), ({"done": 4}, None), ({"size": 0, "done": 0}, None),
        ({"size": 4, "done": 9}, 1.0), ({"size": 4, "done": -1}, 0.0), ({"size": 0, "is_complete": True}, 1.0),
    ],
)  # fmt: skip
def test_progress_is_a_share_or_unknown(fields: dict[str, int], share: float | None) -> None:
    """Never beyond the ends, never a made-up number."""
    assert progress(row("a", **fields)) == share


def test_an_import_is_forgotten_once_its_row_was_long_absent() -> None:
    """Absent at two sweeps: a row may come after its import, and a client that was never read may have any row."""
    queue, overlays = LiveQueue({"deluge": {}, "unread": {}}), Overlays()
    shown = table(row("a"), row("b"))
    queue.replace("deluge", shown)
    heard = Overlay(epoch="c1", version=1)
    for key in (("deluge", "a"), ("deluge", "b"), ("unread", "a"), ("nobody", "a")):
        overlays.take(key, heard)
    overlays.sweep(queue.may_show)
    assert len(overlays) == 4
    delta(queue, shown, Change(shown.rows["b"], None))
    overlays.sweep(queue.may_show)
    assert len(overlays) == 3
    overlays.sweep(queue.may_show)
    assert len(overlays) == 2
    assert overlays.of(row("a", epoch="c1")) == heard
    assert overlays.of(row("a", client="unread", epoch="c1")) == heard
