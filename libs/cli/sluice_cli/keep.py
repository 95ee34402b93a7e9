"""The verbs `backup` and `restore`: which database is meant, and how it is told. What a backup is, is not known here.

The only verbs beside `up` that do not ask the gateway: they must work while nothing runs.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Coroutine, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from random import SystemRandom
from socket import gaierror
from typing import Annotated, Any

import asyncpg
import typer

from sluice_cli.failure import Failure, Unreachable, WrongUsage
from sluice_cli.target import Given
from sluice_cli.words import clean
from sluice_common.db.connect import address, describe, is_transient
from sluice_common.kit import log
from sluice_common.kit.clock import SYSTEM_CLOCK
from sluice_common.kit.errors import SettingsError
from sluice_common.kit.settings import Settings, load, secret_path
from sluice_embedded.backup import database, embedded
from sluice_embedded.backup.archive import secrets
from sluice_embedded.backup.make import Source, secret_files, write
from sluice_embedded.backup.manifest import BackupRefused, Manifest
from sluice_embedded.backup.newfile import new_file
from sluice_embedded.faults import StartRefused
from sluice_embedded.layout import Layout
from sluice_embedded.majors import Surroundings
from sluice_embedded.ports import free_ports

STDOUT = Path("-")
Data = Annotated[
    Path | None,
    typer.Option(help="The data directory of `sluice up`. Default: postgres.dsn where one is set, else the usual one."),
]


def backup(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(help="Where to; it must not exist yet. - is the standard output.")],
    data: Data = None,
) -> None:
    """Write configuration, catalogue and history into one file, while Sluice runs or not.

    It holds the API key, the passwords in the configuration and those that `sluice init` stored: it is for you alone.
    """
    given: Given = ctx.obj
    if file == STDOUT and sys.stdout.isatty():
        raise WrongUsage("a backup is not for a terminal: send it into a file, or give the file's name")
    _run(lambda: _backup(given, file, data))


def restore(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(help="A file that `sluice backup` wrote.")],
    replace: Annotated[
        bool, typer.Option("--replace", help="Put aside what is there; without, nothing may be there.")
    ] = False,
    data: Data = None,
) -> None:
    """Make configuration, catalogue and history what they were. Sluice must be stopped.

    The file is checked to its last byte before anything is touched. What was there before is kept and named.
    """
    given: Given = ctx.obj
    _run(lambda: _restore(given, file, replace, data))


async def _backup(given: Given, file: Path, data: Path | None) -> None:
    async with AsyncExitStack() as stack:
        settings = configured(given.environ, data)
        if settings is None:
            where = str(_layout(given, data).data)
            source = await stack.enter_async_context(embedded.source(_around(_layout(given, data))))
        else:
            where = address(settings.postgres)
            source = Source(settings.postgres, _config(given.environ), settings.gateway.first_key_path)
        if file == STDOUT:
            manifest = await write(source, sys.stdout.buffer)
            sys.stdout.buffer.flush()
        else:
            with new_file(file) as opened:
                manifest = await write(source, opened)
    for line in told(manifest, where, file):
        _say(line)


async def _restore(given: Given, file: Path, replace: bool, data: Path | None) -> None:
    settings = configured(given.environ, data)
    if settings is None:
        layout = _layout(given, data)
        manifest = await embedded.restore(file, _around(layout), replace)
        for line in missing(layout):
            _say(line)
        _say(f"`sluice up` goes on from there, with the data directory {layout.data}.")
    else:
        manifest, kept = await database.restore(file, settings.postgres, replace, SYSTEM_CLOCK.now())
        _say(f"Restored {manifest.rows} rows of {len(manifest.tables)} tables into {address(settings.postgres)}.")
        if kept is not None:
            _say(f"The old database is kept as {kept}; when all is well, drop it.")
        _say(f"Configuration and API key are yours to put back: tar -xzf {file} files")
        for path in manifest.left_out:
            _say(f"The configuration names a secret file that is not in the backup: {path}; put it back as well.")


def configured(environ: Mapping[str, str], data: Path | None) -> Settings | None:
    """The settings, where they name a database of one's own and no data directory was asked for.

    What lies in a data directory is `sluice up`'s, which runs a database of its own whatever its file says.
    """
    if data is not None or not ({"SLUICE_CONFIG", "SLUICE_POSTGRES__DSN"} & environ.keys()):
        return None
    settings = load(environ=environ)
    return settings if "dsn" in settings.postgres.model_fields_set else None


def told(manifest: Manifest, where: str, file: Path) -> list[str]:
    """What was written, that it is secret, and what is not in it."""
    place = "the standard output" if file == STDOUT else str(file)
    lines = [f"Wrote {manifest.rows} rows of {len(manifest.tables)} tables from {where} to {place}."]
    if manifest.members.keys() & {"files/sluice.yaml", "files/api-key"}:
        clients = ", ".join(secrets(manifest))
        held = f", and the stored passwords of {clients}" if clients else ""
        lines.append(
            f"It holds the configuration and the API key, with what is secret in them{held}: keep it as you keep those."
        )
    lines += [
        f"Not in it: {path}, a secret file of your own that the configuration names; keep a copy of it."
        for path in manifest.left_out
    ]
    return lines


def missing(layout: Layout) -> list[str]:
    """The secret files that the restored configuration names and that are not there, each with what to do."""
    named = secret_files(layout.config.read_bytes()) if layout.config.exists() else ()
    here = {path.name: path.relative_to(layout.data) for path in layout.client_secrets().values()}
    lines = []
    for given in named:
        path = secret_path(given, layout.data)
        kept = here.get(path.name)
        advice = f"write {kept} in its place: it was restored there" if kept else "put it back before the start"
        if not os.path.exists(path):
            lines.append(f"! sluice.yaml names the secret file {given}, which is not there: {advice}.")
    return lines


def _layout(given: Given, data: Path | None) -> Layout:
    return Layout((data or given.data).absolute())


def _config(environ: Mapping[str, str]) -> Path | None:
    named = environ.get("SLUICE_CONFIG")
    return Path(named) if named else None


def _around(layout: Layout) -> Surroundings:
    return Surroundings(layout, SYSTEM_CLOCK, free_ports(SystemRandom()), _say)


def _say(text: str) -> None:
    """On stderr: the standard output may be the backup."""
    for line in text.splitlines():
        print(clean(line), file=sys.stderr, flush=True)


def _run(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """SIGTERM ends it in order, as Ctrl-C does; every failure becomes one sentence."""
    log.configure("sluice", "warning")
    try:
        asyncio.run(_until_asked_to_stop(work()))
    except (BackupRefused, StartRefused) as error:
        raise Failure(str(error)) from None
    except SettingsError as error:
        raise Failure("; ".join(error.faults)) from None
    except (asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        kind = Unreachable if is_transient(error) else Failure
        raise kind(f"PostgreSQL: {describe(error)}") from None
    except OSError as error:
        raise _of_system(error) from None
    except asyncio.CancelledError:
        raise Failure("stopped before it was done; nothing was changed") from None


def _of_system(error: OSError) -> Failure:
    if isinstance(error, ConnectionError | TimeoutError | gaierror):
        return Unreachable(f"PostgreSQL: {describe(error)}")
    return Failure(f"{error.filename}: {describe(error)}" if error.filename else describe(error))


async def _until_asked_to_stop(work: Coroutine[Any, Any, None]) -> None:
    task = asyncio.ensure_future(work)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    await task
