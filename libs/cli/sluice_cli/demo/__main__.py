"""`python -m sluice_cli.demo`, as `make demo` calls it: options in, an exit code out."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer


def demo(
    deluge: Annotated[
        Path, typer.Option(help="A virtual environment with Deluge and libtorrent (requirements/deluge.txt).")
    ] = Path(".venv-deluge"),
    once: Annotated[
        bool, typer.Option("--once", help="End once both files are in the library; always so without a terminal.")
    ] = False,
    keep: Annotated[
        Path | None, typer.Option(help="Use this directory, which must be empty, and leave the files in it.")
    ] = None,
) -> None:
    """Watch an episode and a movie go from magnet to library, with a real Deluge and a swarm on this machine.

    Exit codes: 0 both are in the library, 1 something failed, 130 stopped before.
    """
    from sluice_cli.demo.run import Options, run

    raise typer.Exit(run(Options(deluge, once or not sys.stdout.isatty(), keep)))


if __name__ == "__main__":
    try:
        typer.run(demo)
    except KeyboardInterrupt:
        sys.exit(130)
