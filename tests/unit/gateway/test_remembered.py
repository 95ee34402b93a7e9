"""What a gateway remembers of commands."""

from __future__ import annotations

import pytest

from sluice_common.contracts.commands import Done
from sluice_common.kit.errors import Problem
from sluice_gateway.remembered import Remembered


class Client:
    """Counts what is carried out; fails when told to."""

    def __init__(self) -> None:
        self.calls = 0
        self.fails = False

    async def __call__(self) -> Done:
        self.calls += 1
        if self.fails:
            raise Problem("client_unavailable", 503, "it is down")
        return Done(id=f"d{self.calls}")


async def test_what_failed_is_forgotten_and_what_succeeded_is_repeated() -> None:
    """A failure may be repeated, corrected even; a success is answered again; another command never gets its answer."""
    remembered, client = Remembered(), Client()
    client.fails = True
    with pytest.raises(Problem, match="client_unavailable"):
        await remembered.once("k", ("pause", "a"), client)
    client.fails = False
    assert await remembered.once("k", ("resume", "a"), client) == Done(id="d2")
    assert await remembered.once("k", ("resume", "a"), client) == Done(id="d2")
    with pytest.raises(Problem, match="key_reused"):
        await remembered.once("k", ("pause", "a"), client)
    assert client.calls == 2


async def test_while_a_command_runs_its_key_is_taken() -> None:
    """Another command with the same key is refused also before the first has an answer."""
    remembered, client = Remembered(), Client()

    async def meanwhile() -> Done:
        with pytest.raises(Problem, match="key_reused"):
            await remembered.once("k", "other", client)
        return Done(id="a")

    assert await remembered.once("k", "one", meanwhile) == Done(id="a")
    assert client.calls == 0


async def test_only_the_last_commands_are_remembered() -> None:
    """Memory is bounded: the oldest success goes first."""
    remembered, client = Remembered(limit=2), Client()
    for key in ("k1", "k2", "k3", "k2", "k1"):
        await remembered.once(key, key, client)
    assert client.calls == 4
