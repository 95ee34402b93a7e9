"""Imports without a library's optional extras."""

from __future__ import annotations

import sys

import pytest

from sluice_common.kit.lean import without


def test_what_is_left_out_is_missing_inside_the_block_only() -> None:
    """A module that was not loaded cannot be imported inside, and can be afterwards, whatever happened inside."""
    with pytest.raises(ModuleNotFoundError), without("sluice_common.kit.nothing", "antigravity"):
        import antigravity  # noqa: F401 - must fail
    assert "antigravity" not in sys.modules
    assert "sluice_common.kit.nothing" not in sys.modules


def test_what_is_loaded_already_stays() -> None:
    """A program that has the module keeps it: it is paid for, and others hold it."""
    import json

    with without("json"):
        assert sys.modules["json"] is json
    assert sys.modules["json"] is json
