"""Alembic itself, told where an owner's migrations are and run to the newest.

Imported by `migrate` when there is one to run, and by nothing else: it is dear to import.
"""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config

_ALEMBIC = threading.Lock()  # alembic's `context` is one per process; several services may share a process


def upgrade(connect: Callable[[], Awaitable[Any]], versions: Path, schema: str, to: str = "head") -> None:
    """Run what is missing in `schema` of the migrations in `versions` up to `to`, over connections of `connect`.

    Blocking, with an event loop of its own: call it in a thread. Raises whatever a migration raises.
    """
    with _ALEMBIC:
        command.upgrade(_config(connect, versions, schema), to)


def _config(connect: Callable[[], Awaitable[Any]], versions: Path, schema: str) -> Config:
    config = Config(attributes={"connect": connect, "schema": schema})
    for key, value in (
        ("script_location", str(Path(__file__).parent)),
        ("version_locations", str(versions)),
        ("path_separator", "newline"),
    ):
        config.set_main_option(key, value.replace("%", "%%"))
    return config
