"""Backup and restore of a data directory: with its PostgreSQL as it runs, or started for this alone."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path

from sluice_common.kit.clock import Clock
from sluice_embedded import beside, majors, postgres, servers
from sluice_embedded.alone import alone
from sluice_embedded.backup import archive, tables
from sluice_embedded.backup.archive import API_KEY, CONFIG
from sluice_embedded.backup.make import Source
from sluice_embedded.backup.manifest import BackupRefused, Manifest
from sluice_embedded.backup.owners import OWNERS, Owners
from sluice_embedded.beside import STAGED, Decision, Move
from sluice_embedded.durable import unused
from sluice_embedded.faults import ExitCode, StartRefused
from sluice_embedded.layout import Layout, occupied, write_private
from sluice_embedded.majors import Surroundings

_STARTING = 60.0
_OFTEN = 0.1
_GROWN = 3  # rows and their indexes on the disk, against rows as text


@asynccontextmanager
async def source(around: Surroundings) -> AsyncIterator[Source]:
    """The data directory's database while the block runs: that of a running `up`, or one started for this.

    Raises BackupRefused where there is none, StartRefused where it cannot be started.
    """
    layout = around.layout
    if not (servers.prepared(layout) or beside.place(layout).exists()):
        raise BackupRefused(f"there is no database in {layout.data}: nothing was ever kept there")
    async with _server(around) as server:
        yield Source(server.settings(servers.DATABASE), layout.config, layout.api_key, layout.client_secrets())


@asynccontextmanager
async def _server(around: Surroundings) -> AsyncIterator[postgres.PostgresServer]:
    layout = around.layout
    try:
        holding = occupied(layout, root=os.geteuid() == 0)
        holding.__enter__()
    except StartRefused as refusal:
        if refusal.code is not ExitCode.ALREADY_RUNNING:
            raise
        yield await _running(layout, around.clock)
        return
    try:
        await beside.settle(layout, around.clock, around.say)
        server = await asyncio.to_thread(_stopped, around)
        async with alone(server, layout, around.clock, around.say):
            yield server
    finally:
        holding.__exit__(None, None, None)


def _stopped(around: Surroundings) -> postgres.PostgresServer:
    """The cluster with programs of the major that wrote it: a backup comes before an upgrade."""
    layout, port = around.layout, next(around.ports)
    data = layout.postgres / "data"
    major = postgres.major_of(data)
    if major in (None, postgres.MAJOR):
        return servers.cluster(layout, data, port)
    tree = postgres.programs_of(major or "")
    if tree is None:
        raise BackupRefused(f"{data} was written by PostgreSQL {major}, of which no programs are installed here")
    return servers.older_cluster(layout, tree, port)


async def _running(layout: Layout, clock: Clock) -> postgres.PostgresServer:
    """What `up` runs there, once it answers; it may be starting."""
    deadline = clock.monotonic() + _STARTING
    while True:
        server = _noted(layout)
        if server is not None and await postgres.ready(server):
            return server
        if clock.monotonic() >= deadline:
            raise BackupRefused(f"Sluice runs on {layout.data}, but its database does not answer")
        await clock.sleep(_OFTEN)


def _noted(layout: Layout) -> postgres.PostgresServer | None:
    try:
        port = json.loads(layout.run_file.read_text(encoding="utf-8"))["children"]["postgres"]["port"]
    except (FileNotFoundError, KeyError, ValueError):
        return None
    return postgres.PostgresServer(layout.postgres / "data", port, servers.secret(layout), Path())


async def restore(file: Path, around: Surroundings, replace: bool, owners: Owners = OWNERS) -> Manifest:
    """Make the data directory what the backup says. Raises BackupRefused or StartRefused, nothing changed.

    A new database is filled beside the place of the old one, and takes it when it is whole: a crash at any moment
    leaves either the old state or the restored one.
    """
    manifest = archive.check(file)
    tables.check_known(manifest, owners)
    layout = around.layout
    with occupied(layout, root=os.geteuid() == 0):
        await beside.settle(layout, around.clock, around.say, around.step)
        _check_target(layout, replace)
        majors.check_space(layout.postgres, _GROWN * sum(member.size for member in manifest.members.values()))
        await _fill(file, manifest, around, owners)
        _stage(file, manifest, layout)
        beside.decide(layout, _decision(layout, manifest, around.clock.now()), around.step)
        await beside.settle(layout, around.clock, around.say, around.step)
    return manifest


def _check_target(layout: Layout, replace: bool) -> None:
    there = [path for path in (layout.config, layout.postgres / "data") if path.exists()]
    if there and not replace:
        raise BackupRefused(
            f"{' and '.join(map(str, there))} {'are' if there[1:] else 'is'} there already; with --replace what is "
            "there is put aside, not deleted. Nothing was changed."
        )


async def _fill(file: Path, manifest: Manifest, around: Surroundings, owners: Owners) -> None:
    layout = around.layout
    place = await beside.prepare(layout, around.clock)
    server = await asyncio.to_thread(servers.cluster, layout, place, next(around.ports))
    await postgres.initialise(server)
    around.step("made")
    async with alone(server, layout, around.clock, around.say):
        await postgres.create_database(server, servers.DATABASE)
        settings = server.settings(servers.DATABASE)
        await tables.load(settings, owners, manifest, archive.pieces(file, manifest))
        around.step("loaded")
        await tables.settle_down(settings)
    around.step("stopped")


def _staged(path: Path) -> Path:
    return path.with_name(path.name + STAGED)


def _stage(file: Path, manifest: Manifest, layout: Layout) -> None:
    for name, path in _files(manifest, layout).items():
        content = archive.file_in(file, manifest, name)
        if content is not None:
            write_private(_staged(path), content)


def _files(manifest: Manifest, layout: Layout) -> dict[str, Path]:
    """The members of the archive that are files, and where they belong."""
    places = {CONFIG: layout.config, API_KEY: layout.api_key}
    secrets = {name: layout.client_secret(client) for client, name in archive.secrets(manifest).items()}
    return {name: path for name, path in {**places, **secrets}.items() if name in manifest.members}


def _decision(layout: Layout, manifest: Manifest, now: datetime) -> Decision:
    """The database, the files of the backup, and the bus: what it remembers belongs to what is put aside."""
    data = layout.postgres / "data"
    major = postgres.major_of(data) or postgres.MAJOR
    day = f"before-restore-{now:%Y-%m-%d}"
    aside = unused(layout.postgres / f"postgres-{major}.{day}")
    moves = [_move(layout, data, aside, beside.place(layout) / "data")]
    for path in _files(manifest, layout).values():
        moves.append(_move(layout, path, unused(path.with_name(f"{path.name}.{day}")), _staged(path)))
    streams = layout.nats / "jetstream"
    moves.append(_move(layout, streams, unused(streams.with_name(f"{streams.name}.{day}"))))
    kept = [str(layout.data / move.aside) for move in moves if (layout.data / move.place).exists()]
    done = f"Restored {manifest.rows} rows of {len(manifest.tables)} tables, as they were at {_time(manifest.made_at)}."
    if kept:
        done += "\nWhat was there before is kept; when all is well, remove it:\n  " + "\n  ".join(kept)
    return Decision(tuple(moves), beside.fingerprint(data), done)


def _move(layout: Layout, path: Path, aside: Path, staged: Path | None = None) -> Move:
    def below(inner: Path) -> str:
        return str(inner.relative_to(layout.data))

    return Move(below(path), below(aside), None if staged is None else below(staged))


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"
