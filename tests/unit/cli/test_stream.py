"""The live queue: events from bytes, and a view from events."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from sluice_cli.sse import Message, Parser
from sluice_cli.watched import Watched

WIRE = (
    b'id: x\r\nevent: view\r\ndata: {"a":\r\ndata: 1}\r\n\r\n: still here\n\nretry: 2000\n\n'
    + "event: change\ndata: ü\n\ndata: bare\n\n".encode()
    + b"event: lost\n\ndata: unfinished"
)


@given(st.lists(st.integers(0, len(WIRE)), max_size=8))
def test_messages_do_not_depend_on_how_bytes_arrive(cuts: list[int]) -> None:
    """Cut anywhere, also inside a character: the same messages, comments and half ones left out."""
    parser, edges = Parser(), [0, *sorted(cuts), len(WIRE)]
    pieces = [WIRE[start:end] for start, end in pairwise(edges)]
    messages = [message for piece in pieces for message in parser.feed(piece)]
    assert messages == [Message("view", '{"a":\n1}'), Message("change", "ü"), Message("message", "bare")]


def row(download_id: str, **fields: Any) -> dict[str, Any]:
    return {"client": "c", "id": download_id, **fields}


def test_a_view_follows_its_changes() -> None:
    """Set, removed and reordered as told; totals and troubles follow; a new view replaces everything."""
    watched = Watched()
    watched.take("view", {"items": [row("a"), row("b")], "total": 2, "clients": [{"name": "c"}]})
    watched.take("change", {"upserts": [row("d"), row("b", x=1)], "removed": [["c", "a"]], "total": 3,
                            "order": [["c", "d"], ["c", "b"]]})  # fmt: skip
    expected = {"items": [row("d"), row("b", x=1)], "total": 3, "clients": [{"name": "c"}]}
    assert watched.document == expected
    watched.take("later", {"upserts": []})
    watched.take("change", {"upserts": [], "removed": [], "total": 3, "clients": []})
    assert watched.document == {**expected, "clients": []}
    watched.take("view", {"items": [], "total": 0, "clients": []})
    assert msgspec.json.encode(watched.document) == b'{"items":[],"total":0,"clients":[]}'
