"""The replicated table keeps its promises under every interleaving; `make fuzz` looks further than CI does."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from sluice_common.contracts import frames
from support.table_machine import TableMachine


@pytest.mark.hypothesis
@pytest.mark.timeout(3600)
def test_every_interleaving_keeps_the_table_and_its_events(monkeypatch: pytest.MonkeyPatch) -> None:
    """Readers hold the last committed table or know that they do not; no committed transition's events are lost."""
    monkeypatch.setattr(frames, "MAX_PART_ROWS", 1)
    run_state_machine_as_test(TableMachine, settings=settings())
