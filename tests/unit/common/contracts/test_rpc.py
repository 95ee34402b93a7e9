"""Pages, parts and problems of the RPC envelope, as values."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice_common.contracts import rpc
from sluice_common.kit.errors import Problem


def _cursor(row: str) -> str:
    return row


@given(st.lists(st.text(max_size=40), max_size=30), st.integers(1, 12), st.integers(1, 200))
def test_pages_end_to_end_are_all_rows(rows: list[str], limit: int, budget: int) -> None:
    """Whatever the limit and the budget, following `next` shows every row once and in order, and comes to an end."""
    numbered = [f"{number:04d}{row}" for number, row in enumerate(rows)]
    seen: list[str] = []
    cursor = ""
    while True:
        rest = [row for row in numbered if row > cursor or not cursor]
        page = rpc.cut(rest[: limit + 1], _cursor, limit=limit, budget=budget)
        assert len(page.items) <= limit
        assert len(page.items) <= 1 or sum(len(msgspec.msgpack.encode(row)) for row in page.items) <= budget
        seen.extend(page.items)
        if page.next is None:
            break
        cursor = page.next
    assert seen == numbered


def test_a_row_over_the_budget_still_comes_alone() -> None:
    """A page is never empty while there are rows, or a reader would ask for the same page for ever."""
    page = rpc.cut(["x" * 1000, "y"], _cursor, limit=10, budget=10)
    assert (page.items, page.next) == (("x" * 1000,), "x" * 1000)


def test_an_exact_page_is_the_last() -> None:
    """As many rows as the limit and none after: there is no next page."""
    assert rpc.cut(["a", "b"], _cursor, limit=2).next is None
    assert rpc.cut(["a", "b", "c"], _cursor, limit=2) == rpc.Page(("a", "b"), "b")
    assert rpc.cut([], _cursor, limit=2) == rpc.Page(())


@pytest.mark.parametrize("size", [0, 1, rpc.PART_BYTES, rpc.PART_BYTES + 1, 3 * rpc.PART_BYTES])
def test_parts_join_to_the_body(size: int) -> None:
    """Nothing is lost at the seams, and each part fits a message."""
    body = bytes(range(256)) * (size // 256) + b"z" * (size % 256)
    parts = rpc.slices(body)
    assert b"".join(parts) == body
    assert all(0 < len(part) <= rpc.PART_BYTES for part in parts)


def test_a_problem_survives_the_wire() -> None:
    """Code, status, detail and facts are the same after a round trip."""
    problem = Problem("conflict", 409, "it exists", id="x", known=2)
    data = msgspec.msgpack.encode(rpc.Reply(problem=rpc.problem_body(problem)))
    body = msgspec.msgpack.decode(data, type=rpc.Reply).problem
    assert body is not None
    again = rpc.raise_problem(body)
    assert (again.code, again.status, again.detail, again.extra) == (
        "conflict",
        409,
        "it exists",
        {"id": "x", "known": 2},
    )
