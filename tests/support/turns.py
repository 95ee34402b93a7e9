"""Counts the turns of the event loop that long pieces of work ask for."""

from __future__ import annotations

import pytest

from sluice_common.kit import turns


def count_turns(monkeypatch: pytest.MonkeyPatch) -> list[None]:
    """An entry for each turn that is asked for from now on; they are had as ever."""
    taken: list[None] = []
    turn = turns.turn

    async def counted() -> None:
        taken.append(None)
        await turn()

    monkeypatch.setattr(turns, "turn", counted)
    return taken
