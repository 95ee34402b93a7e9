"""Processes that an earlier PostgreSQL left behind in its data directory. Only those are looked at and ended here."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path

from sluice_common.kit.clock import Clock

_NAME = "postgres"
_PATIENCE = 5.0
_EVERY = 0.05


def working_in(directory: Path) -> list[int]:
    """Pids of the PostgreSQL processes of this cluster: its directory is their working directory. No zombies."""
    resolved = str(directory.resolve())
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                if os.readlink(entry / "cwd") == resolved and (entry / "comm").read_text().strip() == _NAME:
                    found.append(int(entry.name))
    return found


async def clear(data: Path, clock: Clock) -> None:
    """Wait until no process of an earlier server is left, then remove its stale pid file.

    Backends of a killed postmaster end by themselves, a postmaster whose `up` was killed is on its way down; what is
    left after 5 s is killed, which PostgreSQL's recovery copes with. Then the pid file can only be stale, though its
    number may long belong to somebody else or to a zombie, which PostgreSQL would take for a running server.
    """
    deadline = clock.monotonic() + _PATIENCE
    while left := working_in(data):
        if clock.monotonic() >= deadline:
            for pid in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        await clock.sleep(_EVERY)
    (data / "postmaster.pid").unlink(missing_ok=True)
