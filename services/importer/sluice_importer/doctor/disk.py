"""The looks at the disk. Blocking: every function here may hang as long as a dead share does."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from sluice_common.contracts.doctor import Finding, Verdict
from sluice_common.kit.settings import ClientSettings, LibrarySettings
from sluice_importer.doctor import findings
from sluice_importer.doctor.explain import Refused, Why, explain
from sluice_importer.doctor.findings import FinishedFile, Trial
from sluice_importer.place.errors import PlaceFailed, RootUnavailable
from sluice_importer.place.mounts import whereabouts
from sluice_importer.place.root import MARKER, RootHandle, marker_of, open_root
from sluice_importer.place.source import Source, not_here, open_source
from sluice_importer.place.trial import open_scratch, try_link, try_read
from sluice_importer.work.paths import to_ours

_PROTECTED = Path("/proc/sys/fs/protected_hardlinks")


def look_at_path(client: str, theirs: str, settings: ClientSettings, *, matters: bool) -> Finding:
    """Whether a folder of the client is here and can be read."""
    ours = to_ours(theirs, settings.paths)
    if ours is None:
        return findings.path_unmapped(client, theirs, settings, matters=matters)
    try:
        with os.scandir(ours) as entries:
            next(entries, None)
    except OSError as error:
        return findings.path_refused(client, theirs, ours, settings, error, matters=matters)
    return findings.path_fine(client, theirs, ours)


def look_at_file(file: FinishedFile) -> PlaceFailed | None:
    """Why a placement could not take this file now."""
    return not_here(file.root, file.path, file.size)


def look_at_library(
    name: str,
    settings: LibrarySettings,
    files: Mapping[str, Sequence[FinishedFile]],
    new_token: Callable[[], str],
) -> list[Finding]:
    """Its root, its marker, whether it can be written, and whether each client's files can be linked into it.

    What cannot be looked at because of what was found before has no finding of its own.
    """
    try:
        root = open_root(settings.root, name)
    except RootUnavailable as error:
        return [_unavailable(name, settings, error)]
    with root:
        fine = findings.library(name, "library.marker", Verdict.OK, detail=f"{settings.root} is marked as {name}")
        try:
            with open_scratch(root, new_token) as scratch:
                tried = [
                    (client, [_trial(root, scratch, settings, file) for file in held]) for client, held in files.items()
                ]
        except PlaceFailed as failed:
            return [fine, _unwritable(name, root, failed)]
    detail = f"{settings.root} can be written by our user (uid {os.geteuid()})"
    writable = findings.library(name, "library.writable", Verdict.OK, detail=detail)
    return [fine, writable, *findings.links(name, settings, tried)]


def _unavailable(name: str, settings: LibrarySettings, error: RootUnavailable) -> Finding:
    """The marker's absence in a root that is there is told apart from a root that is not."""
    root = settings.root
    try:
        found = marker_of(root)
    except FileNotFoundError:
        detail, advice = f"{root} does not exist here", f"mount it, or correct libraries.{name}.root"
        return findings.library(name, "library.root", Verdict.FAILED, code="root_missing", detail=detail, advice=advice)
    except OSError:
        advice = f"see owner, group and mode of {root}, and whether its disk is well"
        return findings.library(
            name,
            "library.root",
            Verdict.FAILED,
            code="root_unreadable",
            detail=f"{root}: {error.detail}",
            advice=advice,
        )
    code = "marker_missing" if found is None else "marker_of_another"
    return findings.library(
        name,
        "library.marker",
        Verdict.FAILED,
        code=code,
        detail=_marker_detail(root, found),
        advice=_marker(name, found),
    )


def _marker_detail(root: Path, found: str | None) -> str:
    if found is not None:
        return f"{root}/{MARKER} says that this is the library {found!r}"
    with os.scandir(root) as entries:
        empty = next(entries, None) is None
    bare = ", and it is empty: as an unmounted disk would be" if empty and not os.path.ismount(root) else ""
    return f"{root} holds no {MARKER}{bare}"


def _marker(name: str, found: str | None) -> str:
    if found is None:
        return f"if its disk is mounted, mark it once: `sluice libraries init {name}`; else mount it first"
    return f"correct libraries.{name}.root, or delete the marker and run `sluice libraries init {name}`"


def _unwritable(name: str, root: RootHandle, failed: PlaceFailed) -> Finding:
    here = whereabouts(str(root.path), root.fd)
    why = explain(
        Refused(code=failed.code, detail=f"{failed.path}: {failed.detail}", source=here, root=here, uid=os.geteuid())
    )
    if failed.code == "permission_denied":
        owner = f"uid {here.uid}, gid {here.gid}, mode {here.mode:04o}"
        detail = f"{root.path} ({owner}) may not be written by our user (uid {os.geteuid()})"
        why = Why(failed.code, detail, f"chown or chmod {root.path} so that uid {os.geteuid()} may write it")
    return findings.library(
        name, "library.writable", Verdict.FAILED, code=why.code, detail=why.detail, advice=why.advice
    )


def _trial(root: RootHandle, scratch: int, settings: LibrarySettings, file: FinishedFile) -> Trial:
    try:
        with open_source(file.root, file.path, file.size) as source:
            try:
                (try_read(source) if settings.method == "copy" else try_link(source, scratch))
            except PlaceFailed as failed:
                return Trial(file=file, code=failed.code, why=_why(root, source, failed))
    except PlaceFailed as failed:
        return Trial(file=file, code=failed.code, why=Why(failed.code, f"{failed.path}: {failed.detail}", "try again"))
    return Trial(file=file)


def _why(root: RootHandle, source: Source, failed: PlaceFailed) -> Why:
    refused = Refused(
        code=failed.code,
        detail=f"{failed.path}: {failed.detail}",
        source=whereabouts(source.path, source.fd),
        root=whereabouts(str(root.path), root.fd),
        uid=os.geteuid(),
        protected=_protected(),
    )
    return explain(refused)


def _protected() -> bool | None:
    try:
        return _PROTECTED.read_text().strip() != "0"
    except OSError:
        return None
