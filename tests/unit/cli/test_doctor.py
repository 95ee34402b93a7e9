"""What doctor says where there is no gateway."""

from __future__ import annotations

from pathlib import Path

import pytest

from sluice_cli.doctor import unreachable
from sluice_cli.failure import WrongUsage
from sluice_cli.target import Given, find


def test_a_password_in_the_url_is_not_shown(tmp_path: Path) -> None:
    """SLUICE_URL may hold a password for a proxy; a report that is pasted somewhere must not."""
    given = Given(None, None, {"SLUICE_URL": "http://me:secret@nas:8420", "SLUICE_DATA": str(tmp_path)}, root=False)
    (row,) = unreachable(given, "cannot reach it")
    assert row["subject"] == "http://nas:8420"
    assert "secret" not in str(row)


def test_a_password_in_a_url_that_is_none_is_not_shown(tmp_path: Path) -> None:
    """The refusal repeats the URL, without what stands before its @."""
    given = Given("me:secret@nas:8420", None, {"SLUICE_DATA": str(tmp_path)}, root=False)
    with pytest.raises(WrongUsage, match="'nas:8420' is not the URL") as refusal:
        find(given)
    assert "secret" not in str(refusal.value)
