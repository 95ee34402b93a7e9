"""Every test reads its names anew: what another one read, and whatever was changed since, is not remembered."""

from __future__ import annotations

import pytest

from sluice_names.parse import _other, _parse


@pytest.fixture(autouse=True)
def nothing_remembered() -> None:
    """Forget what was read."""
    _parse.cache_clear()
    _other.cache_clear()
