"""What the poller's tests share."""

from __future__ import annotations

import pytest


@pytest.fixture(params=[False, True], ids=["whole", "deltas"])
def deltas(request: pytest.FixtureRequest) -> bool:
    """Whether the client tells what changed, or its whole list each time: what comes of it is the same."""
    return bool(request.param)
