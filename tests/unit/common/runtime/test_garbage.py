"""What the collector of cycles looks through once a service has settled."""

from __future__ import annotations

import gc

import pytest

from sluice_common.runtime import garbage


async def test_what_stayed_is_looked_through_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is there when a service has settled is left alone; what comes later is not."""
    monkeypatch.setattr(garbage, "SETTLED", 0.0)
    stays: list[object] = [[]]
    try:
        await garbage.leave_alone_what_stayed()
        later: list[object] = [[]]
        seen = {id(found) for found in gc.get_objects()}
        assert id(stays) not in seen
        assert id(later) in seen
    finally:
        gc.unfreeze()
