"""Views: always sorted, always exactly the matching rows, and pages that neither skip nor repeat."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice_common.kit.errors import Problem
from sluice_common.model.enums import Health, State
from sluice_gateway.live.rows import Key
from sluice_gateway.live.views import (
    SORTS,
    Filter,
    Order,
    SortKey,
    View,
    decode_cursor,
    encode_cursor,
    parse_order,
)
from unit.gateway.made import entry

IDS = [f"r{number}" for number in range(12)]
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "client": st.sampled_from(["deluge", "other"]),
    "name": st.sampled_from(["a", "B", "b", "ß", "SS", ""]),
    "size": st.one_of(st.none(), st.integers(0, 3)),
    "done": st.one_of(st.none(), st.integers(0, 3)),
    "ratio": st.one_of(st.none(), st.floats()),
    "eta": st.one_of(st.none(), st.integers(-1, 2)),
    "category": st.one_of(st.none(), st.sampled_from(["movies", "tv"])),
    "state": st.sampled_from([State.DOWNLOADING, State.SEEDING, State("brand_new")]),
    "added_at": st.one_of(st.none(), st.sampled_from([datetime(2026, 1, day, tzinfo=UTC) for day in (1, 2)])),
}
ROWS = st.builds(lambda i, fields: entry(i, **fields), st.sampled_from(IDS), st.fixed_dictionaries(VALUES))
STEPS = st.lists(st.one_of(ROWS, st.tuples(st.sampled_from(["deluge", "other"]), st.sampled_from(IDS))), max_size=12)
ORDERS = st.builds(Order, st.sampled_from(sorted(SORTS)), st.booleans())
FILTERS = st.sampled_from([Filter(), Filter(categories=("movies",)), Filter(states=("unknown",)), Filter(search="b")])


def apply(view: View, steps: list[Any]) -> set[Key]:
    """Put and drop; the keys that were touched."""
    for step in steps:
        _ = view.drop(step) if isinstance(step, tuple) else view.put(step)
    return {step if isinstance(step, tuple) else step.key for step in steps}


def keys(found: list[SortKey]) -> list[Key]:
    return [(client, download_id) for _, _, client, download_id in found]


@given(FILTERS, ORDERS, STEPS)
def test_a_view_is_the_matching_rows_in_order(only: Filter, order: Order, steps: list[Any]) -> None:
    """Whatever came, changed, moved and went: the view is what sorting everything anew would give."""
    view = View(only, order)
    apply(view, steps)
    known: dict[Key, Any] = {}
    for step in steps:
        if isinstance(step, tuple):
            known.pop(step, None)
        else:
            known[step.key] = step
    expected = sorted((view.key_of(one) for one in known.values() if only.matches(one)), reverse=order.descending)
    assert list(view.page(None, 100)) == expected
    assert len(view) == len(expected)


@given(ORDERS, STEPS, st.lists(STEPS, max_size=8), st.integers(1, 4))
def test_paging_never_skips_or_repeats_an_unmoved_row(
    order: Order, before: list[Any], between: list[list[Any]], limit: int
) -> None:
    """Rows that nobody touches while a list is paged through are given exactly once, in order."""
    view = View(Filter(), order)
    apply(view, before)
    still = set(keys(list(view.page(None, 100))))
    given_rows, cursor, changes = list[SortKey](), None, iter(between)
    while True:
        page = view.page(decode_cursor(order, cursor) if cursor else None, limit)
        given_rows += page
        assert len(given_rows) <= 100, "the list never ends"
        if len(page) < limit:
            break
        cursor = encode_cursor(order, page[-1])
        still -= apply(view, next(changes, []))
    unmoved = [key for key in keys(given_rows) if key in still]
    assert sorted(unmoved) == sorted(still)
    assert given_rows == sorted(given_rows, reverse=order.descending)


@pytest.mark.parametrize("descending", [False, True])
def test_unknown_values_come_last(descending: bool) -> None:
    """A row whose value nobody knows never hides those that are known."""
    view = View(Filter(), Order("size", descending))
    for one in (entry("unknown"), entry("small", size=1), entry("large", size=2)):
        view.put(one)
    found = [download_id for _, download_id in keys(list(view.page(None, 9)))]
    assert found == (["large", "small", "unknown"] if descending else ["small", "large", "unknown"])


def test_a_filter_joins_its_conditions() -> None:
    """Values of one kind are alternatives, kinds are joined; the search is part of the name in any case."""
    one = entry("x", name="The SINTEL Movie", category="movies", health=Health.WARNING)
    assert Filter(clients=("deluge", "other"), states=("downloading",), healths=("warning",)).matches(one)
    assert Filter(categories=("movies",), owners=("sluice",), search="sintel").matches(one)
    assert not Filter(states=("seeding",)).matches(one)
    assert not Filter(clients=("other",)).matches(one)
    assert not Filter(healths=("ok",)).matches(one)
    assert not Filter(owners=("none",)).matches(one)
    assert not Filter(categories=("",)).matches(one)
    assert not Filter(search="caminandes").matches(one)
    assert Filter(categories=("",), owners=("none",)).matches(entry("y"))


def test_an_order_is_read_from_text() -> None:
    """`-added` is newest first; what cannot be sorted by is refused with what can."""
    assert parse_order("-added") == Order("added", descending=True)
    assert parse_order("name").text == "name"
    with pytest.raises(Problem, match="use one of name, added"):
        parse_order("--name")


@pytest.mark.parametrize(
    "text",
    [
        "", "!", "nonsense", "AAAA", "ü",
        encode_cursor(Order("name"), (0, "x", "deluge", "1")),
        encode_cursor(Order("size", descending=True), (0, 1, "deluge", "1")),
        encode_cursor(Order("size"), (0, "a word", "deluge", "1")),
        encode_cursor(Order("size"), (0, float("nan"), "deluge", "1")),
        encode_cursor(Order("size"), (2, 0, "deluge", "1")),
    ],
)  # fmt: skip
def test_a_foreign_cursor_is_refused(text: str) -> None:
    """What is no cursor of this very order is a problem, never a wrong page or an inner error."""
    with pytest.raises(Problem) as refusal:
        decode_cursor(Order("size"), text)
    assert refusal.value.code == "bad_cursor"
