"""The decoder's faults as people read them."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from sluice_gateway import changes
from sluice_gateway.http.words import in_words
from sluice_gateway.schemas import Bulk


@pytest.mark.parametrize(
    ("kind", "body", "field", "what"),
    [
        (changes.Edit, {"kind": "rename", "name": ""}, "name", "must have at least 1 character"),
        (changes.Edit, {"kind": "tags", "tags": ["x" * 101]}, "tags[0]", "must have at most 100 characters"),
        (changes.Edit, {"kind": "limits", "ratio": -1}, "ratio", "must be 0 or more"),
        (changes.Edit, {"kind": "limits", "download": "x"}, "download", "must be a whole number or null, not text"),
        (changes.Edit, {"kind": "queue", "to": "first"}, "to", "'first' is none of what it may be"),
        (changes.Edit, {"kind": "nope"}, "kind", "'nope' is none of what it may be"),
        (changes.Edit, {"kind": "rename", "name": "a", "colour": 1}, None, "Object contains unknown field `colour`"),
        (Bulk, {"action": "pause", "items": []}, "items", "must have at least 1 item"),
    ],
)
def test_a_fault_names_the_field_and_what_it_must_be(kind: Any, body: object, field: str | None, what: str) -> None:
    """In words that say what to give, whatever the library calls it; what is not known is told as it came."""
    with pytest.raises(msgspec.ValidationError) as fault:
        msgspec.convert(body, kind)
    told = in_words(str(fault.value))
    assert told[0] == field
    assert told[1].startswith(what)
    assert "Expected" not in told[1]
