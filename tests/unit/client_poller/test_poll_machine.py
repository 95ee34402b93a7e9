"""A poller that is told what changed does what one does that looks at everything; `make fuzz` looks further than CI."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from support.poll_machine import PollMachine, in_memory


@pytest.mark.hypothesis
@pytest.mark.timeout(3600)
def test_deltas_and_whole_lists_come_to_the_same() -> None:
    """Same frames, events, holds and answers to commands, whatever fails, restarts or is taken over in between."""
    with in_memory():
        run_state_machine_as_test(PollMachine, settings=settings())
