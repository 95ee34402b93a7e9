"""A real gateway, the words of a poller and of services that the test chooses, and the command run against it."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from integration.gateway.conftest import (
    GatewayForTest,
    PollerForTest,
    bus,
    gateway,
    poller,
    row,
    services,
    settings,
    until,
)
from sluice_common.model.enums import State

__all__ = ["bus", "gateway", "poller", "services", "settings"]


class Ran(msgspec.Struct, frozen=True):
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Its output, read."""
        return json.loads(self.out)


class Cli:
    """The command in a process of its own, as somebody for whom `sluice up` runs in `data`."""

    def __init__(self, data: Path) -> None:
        self.data = data

    async def start(self, *words: str, **environ: str) -> asyncio.subprocess.Process:
        """Started, its output in pipes."""
        return await self.start_on(asyncio.subprocess.PIPE, *words, **environ)

    async def start_on(self, stdout: int, *words: str, **environ: str) -> asyncio.subprocess.Process:
        """Started, with this descriptor for its output."""
        clean = {name: value for name, value in os.environ.items() if not name.startswith("SLUICE_")}
        return await asyncio.create_subprocess_exec(
            sys.executable, "-W", "error", "-m", "sluice_cli.main", *words,
            env={**clean, "SLUICE_DATA": str(self.data), **environ},
            stdin=asyncio.subprocess.DEVNULL, stdout=stdout, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip

    async def __call__(self, *words: str, **environ: str) -> Ran:
        process = await self.start(*words, **environ)
        out, err = await asyncio.wait_for(process.communicate(), 40)
        assert process.returncode is not None
        assert "Traceback" not in err.decode()
        return Ran(process.returncode, out.decode(), err.decode())

    async def fine(self, *words: str, **environ: str) -> Ran:
        """As a call, and it must succeed without a word of complaint."""
        ran = await self(*words, **environ)
        assert (ran.code, ran.err) == (0, ""), ran
        return ran


@pytest.fixture
def nowhere(tmp_path: Path) -> Cli:
    """The command where nothing runs."""
    data = tmp_path / "data"
    data.mkdir()
    return Cli(data)


@pytest.fixture
async def cli(nowhere: Cli, gateway: GatewayForTest, poller: PollerForTest) -> Cli:
    """The command beside a running gateway that shows three downloads of `deluge`."""
    path = gateway.settings.gateway.first_key_path
    noted = {"url": f"http://127.0.0.1:{gateway.settings.gateway.port}", "api_key_path": str(path)}
    (nowhere.data / "run.json").write_text(json.dumps(noted))
    await poller.status()
    await poller.table(row("abc1", name="Sintel"), row("abd2", state=State.PAUSED), row("e" * 40))
    await gateway.shows(3)

    async def known() -> bool:
        page = await gateway.get("/clients")
        return all(client["reason"] != "no_status" for client in page["items"] if client["name"] == "deluge")

    await until(known, "the client's status is known")
    return nowhere
