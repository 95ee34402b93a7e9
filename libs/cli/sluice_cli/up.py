"""The verb `up`: options to `sluice_embedded`, its result to an exit code. How things are started is not known here."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Annotated

import typer


def up(
    data: Annotated[
        Path | None,
        typer.Option(
            help="The data directory: configuration (sluice.yaml), database, logs. "
            "Default: ~/.local/share/sluice, as root /var/lib/sluice."
        ),
    ] = None,
    listen: Annotated[
        str | None, typer.Option(help="Address of the API; 0.0.0.0 opens it to the network. Default: 127.0.0.1.")
    ] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="Port of the API. Default: 8420.")] = None,
    compact: Annotated[
        bool | None,
        typer.Option(
            "--compact/--no-compact",
            help="All services in one process. Default: where there is less than 2 GB of memory.",
        ),
    ] = None,
) -> None:
    """Run all of Sluice here, with a bus and a database of its own, until Ctrl-C.

    Exit codes: 2 the configuration is wrong, 3 it already runs on this directory, 4 the data directory cannot be used,
    5 the port is in use, 6 the database is of another version, 7 a program is not installed, 1 anything else.
    """
    from sluice_embedded.layout import default_data
    from sluice_embedded.up import Options, run

    place = data or default_data(os.environ, root=os.geteuid() == 0)
    raise typer.Exit(run(Options(place, listen, port, compact), say=_say))


def _say(text: str) -> None:
    """At once, also into a pipe; a terminal that was closed is no reason to end in disorder."""
    with contextlib.suppress(OSError):
        print(text, flush=True)
