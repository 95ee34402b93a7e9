"""A plan onto the disk: sweep, open the root, hold an attempt's directory, place file by file. Blocking."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress

import msgspec

from sluice_common.kit.settings import LibrarySettings
from sluice_importer.place.attempt import open_attempt, sweep
from sluice_importer.place.errors import PlaceFailed, RootUnavailable
from sluice_importer.place.placing import place
from sluice_importer.place.root import open_root
from sluice_importer.plan.values import FilePlan, Held, Plan
from sluice_importer.work.lease import Hold
from sluice_importer.work.refusals import as_stop
from sluice_importer.work.values import Job, Registered, Source


class Result(msgspec.Struct, frozen=True):
    """What lies in the library now, and the files whose place was taken by something else."""

    files: tuple[Registered, ...]
    conflicts: tuple[str, ...]


def sweep_earlier(job: Job, libraries: Mapping[str, LibrarySettings]) -> None:
    """Remove what earlier attempts left, wherever they were at work; raises Stop where that is refused.

    A root that is not there is swept when something is placed in it.
    """
    for name, library in libraries.items():
        try:
            with suppress(RootUnavailable), open_root(library.root, name) as root:
                sweep(root, job.id, up_to=job.attempt)
        except PlaceFailed as error:
            raise as_stop(error) from error


def still_there(held: Sequence[tuple[str, Held]], libraries: Mapping[str, LibrarySettings]) -> list[Held]:
    """Without the files that somebody deleted: they stand in nobody's way. Raises Stop where a root is not there."""
    found: list[Held] = []
    for name, file in held:
        library = libraries.get(name)
        if library is None:
            continue
        try:
            open_root(library.root, name).close()
        except RootUnavailable as error:
            raise as_stop(error) from error
        if os.path.lexists(library.root / file.path):
            found.append(file)
    return found


def place_all(hold: Hold, source: Source, plan: Plan, name: str, library: LibrarySettings) -> Result:
    """Place every file of the plan; raises Stop, or Fenced where another attempt took over."""
    positions = {file.path: position for position, file in enumerate(plan.files)}
    placed: list[Registered] = []
    conflicts: list[str] = []
    try:
        with (
            open_root(library.root, name) as root,
            open_attempt(root, hold.job.id, hold.job.attempt) as attempt,
        ):
            for file in plan.to_place:
                assert file.target is not None, "what is placed has a target"
                try:
                    done = place(
                        attempt,
                        source.root,
                        file.path,
                        file.size,
                        file.target,
                        method=library.method,
                        link=library.link,
                        watch=hold.watch,
                    )
                except PlaceFailed as error:
                    if error.code != "conflict":
                        raise
                    conflicts.append(file.target)
                    continue
                placed.append(_registered(file, positions[file.path], done.method, done.inode, done.checksum))
                hold.files_done = len(placed)
    except PlaceFailed as error:
        raise as_stop(error) from error
    return Result(tuple(placed), tuple(conflicts))


def _registered(file: FilePlan, position: int, method: str, inode: int, checksum: str | None) -> Registered:
    assert file.target is not None, "what was placed has a target"
    return Registered(
        position=position,
        path=file.target,
        size=file.size,
        method=method,
        inode=inode,
        checksum=checksum,
        season=file.season,
        episodes=file.episodes,
    )
