"""The `sluice` command: its verbs, registered; failures to sentences and exit codes. No verb is written here."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from sluice_cli.failure import Failure
from sluice_cli.target import Given
from sluice_cli.up import up
from sluice_cli.words import clean

_RUNNING = "Running it"
app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
app.command(rich_help_panel=_RUNNING)(up)


def _say_version(wanted: bool) -> None:
    if wanted:
        from sluice_common.kit.metrics import version

        typer.echo(f"sluice {version()}")
        raise typer.Exit


@app.callback()
def sluice(
    ctx: typer.Context,
    url: Annotated[
        str | None, typer.Option(help="The gateway's URL. Default: $SLUICE_URL, else what `sluice up` runs here.")
    ] = None,
    key_file: Annotated[
        Path | None,
        typer.Option(help="A file that holds the API key. Default: $SLUICE_API_KEY, else the one of `sluice up`."),
    ] = None,
    _version: Annotated[
        bool, typer.Option("--version", callback=_say_version, is_eager=True, help="Say which version this is.")
    ] = False,
) -> None:
    """One live queue in front of every download client.

    Exit codes: 1 refused or failed, 2 wrong usage, 3 Sluice cannot be reached; `sluice up --help` lists its own.
    """
    ctx.obj = Given(url, key_file, os.environ, root=os.geteuid() == 0)


def register_the_others() -> None:
    """Every verb beside `up`. What they import (httpx, rich) costs half a second, which `up` need not wait for."""
    from sluice_cli import downloads, edits, keep, library, media, one, steering
    from sluice_cli.doctor import doctor
    from sluice_cli.init import init
    from sluice_cli.names import parse
    from sluice_cli.queue import queue

    panels: dict[str, tuple[Callable[..., None], ...]] = {
        "Look": (queue, one.show, one.files, library.history, library.clients, doctor),
        "Downloads": (
            downloads.add,
            downloads.pause,
            downloads.resume,
            downloads.recheck,
            downloads.retry,
            downloads.remove,
            edits.force_start,
            edits.reannounce,
            edits.queue_move,
            edits.category,
            edits.tags,
            edits.limit,
            edits.move,
            edits.rename,
            edits.choose,
            edits.trackers,
            edits.peers,
        ),
        "Whole clients": (steering.limits, steering.pause_all, steering.resume_all),
        "Library": (parse,),
        _RUNNING: (init, keep.backup, keep.restore),
    }
    for panel, verbs in panels.items():
        for verb in verbs:
            app.command(rich_help_panel=panel)(verb)
    groups = {"imports": library.imports, "media": media.media, "libraries": library.libraries, "apps": media.apps}
    for name, group in groups.items():
        app.add_typer(group, name=name, rich_help_panel="Library")


def main() -> None:
    """The console script."""
    if sys.argv[1:2] != ["up"]:
        register_the_others()
    try:
        app()
    except Failure as failure:
        sys.stderr.write(f"sluice: {clean(failure)}\n")
        sys.exit(failure.code)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
