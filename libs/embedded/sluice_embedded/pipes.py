"""PostgreSQL's own dump programs, one's output into another. What is dumped where is not decided here."""

from __future__ import annotations

import asyncio
import os
from asyncio.subprocess import DEVNULL, PIPE, Process, create_subprocess_exec
from pathlib import Path

from sluice_embedded.account import setpriv
from sluice_embedded.faults import ExitCode, StartRefused
from sluice_embedded.ports import LOOPBACK
from sluice_embedded.postgres import USER, PostgresServer

_SAID = 2_000


async def output_of(programs: Path, server: PostgresServer, *words: str) -> bytes:
    """What the program `words[0]` prints about the server."""
    process = await _start(programs, server, words, stdin=DEVNULL, stdout=PIPE)
    out, err = await _to_the_end(process)
    _check(process, words, err)
    return out


async def run_sql(programs: Path, server: PostgresServer, script: bytes) -> None:
    """Run the script with psql in the database `postgres`; the first error fails."""
    process = await _start(programs, server, _psql("postgres"), stdin=PIPE, stdout=DEVNULL)
    _, err = await _to_the_end(process, script)
    _check(process, ("psql",), err)


async def copy_database(programs: Path, old: PostgresServer, new: PostgresServer, name: str, create: bool) -> None:
    """Everything in the database `name` of `old` into `new`, which it is made in when `create`."""
    dump = ("pg_dump", *(("--create",) if create else ()), name)
    reading, writing = os.pipe()
    try:
        source = await _start(programs, old, dump, stdin=DEVNULL, stdout=writing)
        target = await _start(programs, new, _psql("postgres" if create else name), stdin=reading, stdout=DEVNULL)
    finally:
        os.close(reading)
        os.close(writing)
    (_, dumped), (_, loaded) = await asyncio.gather(_to_the_end(source), _to_the_end(target))
    _check(target, ("psql",), loaded)
    _check(source, dump, dumped)


def _psql(database: str) -> tuple[str, ...]:
    return ("psql", "--quiet", "--no-psqlrc", "--set=ON_ERROR_STOP=1", f"--dbname={database}")


async def _start(programs: Path, server: PostgresServer, words: tuple[str, ...], stdin: int, stdout: int) -> Process:
    """Its password is in its environment, never among its words."""
    environment = {
        "PATH": os.environ.get("PATH", os.defpath),
        "LC_ALL": "C.UTF-8",
        "PGHOST": LOOPBACK,
        "PGPORT": str(server.port),
        "PGUSER": USER,
        "PGPASSWORD": server.password,
        "PGSSLMODE": "disable",
        "PGCONNECT_TIMEOUT": "20",
    }
    return await create_subprocess_exec(
        *setpriv("KILL"), str(programs / "bin" / words[0]), *words[1:],
        stdin=stdin, stdout=stdout, stderr=PIPE, env=environment, cwd="/", start_new_session=True,
    )  # fmt: skip


async def _to_the_end(process: Process, given: bytes | None = None) -> tuple[bytes, bytes]:
    try:
        return await process.communicate(given)
    except asyncio.CancelledError:
        if process.returncode is None:
            process.kill()
        raise


def _check(process: Process, words: tuple[str, ...], err: bytes) -> None:
    if process.returncode != 0:
        said = err.decode(errors="replace").strip()[-_SAID:]
        raise StartRefused(ExitCode.FAILED, f"{words[0]} failed (exit code {process.returncode}):\n{said}")
