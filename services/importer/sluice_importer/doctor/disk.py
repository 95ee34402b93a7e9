"""The looks at the disk. Blocking: every function here may hang as long as a dead share does."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from sluice_common.contracts.doctor import Finding, Verdict
from sluice_common.kit.settings import ClientSettings, LibrarySettings
from sluice_common.model.paths import to_ours
from sluice_importer.doctor import findings
from sluice_importer.doctor.explain import Refused, Why, explain
from sluice_importer.doctor.findings import FinishedFile, Prospect, Trial
from sluice_importer.place.errors import PlaceFailed, RootUnavailable, failure
from sluice_importer.place.mounts import Whereabouts, whereabouts
from sluice_importer.place.root import MARKER, RootHandle, marker_of, open_root
from sluice_importer.place.source import not_here, open_source
from sluice_importer.place.trial import open_scratch, try_link, try_link_of, try_read

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
    folders: Mapping[str, Sequence[Path]] = MappingProxyType({}),
) -> list[Finding]:
    """Its root, its marker, whether it can be written, and whether each client's files can be linked into it.

    What cannot be looked at because of what was found before has no finding of its own. For a client without a
    finished file, `folders` (where it saves, here) are tried with a file of ours.
    """
    try:
        root = open_root(settings.root, name)
    except RootUnavailable as error:
        return _unavailable(name, settings, error)
    with root:
        fine = findings.library(name, "library.marker", Verdict.OK, detail=f"{settings.root} is marked as {name}")
        try:
            with open_scratch(root, new_token) as scratch:
                tried = [
                    (client, [_trial(root, scratch, settings, file) for file in held]) for client, held in files.items()
                ]
                expected = [
                    (client, [_prospect(root, scratch, settings, folder) for folder in held])
                    for client, held in folders.items()
                    if not files.get(client)
                ]
        except PlaceFailed as failed:
            return [fine, _unwritable(name, whereabouts(str(root.path), root.fd), failed)]
    detail = f"{settings.root} can be written by our user (uid {os.geteuid()})"
    writable = findings.library(name, "library.writable", Verdict.OK, detail=detail)
    return [fine, writable, *findings.links(name, settings, tried, expected)]


def _unavailable(name: str, settings: LibrarySettings, error: RootUnavailable) -> list[Finding]:
    """The marker's absence in a root that is there is told apart from a root that is not.

    A root that lacks its marker and cannot be written is told as both, the writing first: it must be mended before
    the marker can be written.
    """
    root = settings.root
    try:
        found = marker_of(root)
    except FileNotFoundError:
        detail, advice = f"{root} does not exist here", f"mount it, or correct libraries.{name}.root"
        return [_root(name, "root_missing", detail, advice)]
    except OSError:
        advice = f"see owner, group and mode of {root}, and whether its disk is well"
        return [_root(name, "root_unreadable", f"{root}: {error.detail}", advice)]
    unwritable = _closed(name, root)
    code = "marker_missing" if found is None else "marker_of_another"
    advice = _marker(name, found)
    if unwritable:
        advice = f"see the check library.writable first, since the marker cannot be written as it is; then {advice}"
    marker = findings.library(
        name, "library.marker", Verdict.FAILED, code=code, detail=_marker_detail(root, found), advice=advice
    )
    return [*unwritable, marker]


def _root(name: str, code: str, detail: str, advice: str) -> Finding:
    return findings.library(name, "library.root", Verdict.FAILED, code=code, detail=detail, advice=advice)


def _closed(name: str, root: Path) -> list[Finding]:
    """That a root cannot be written, asked and not tried: without its marker it may be a bare mount point."""
    if os.access(root, os.W_OK | os.X_OK, effective_ids=True):
        return []
    descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        is_read_only = os.fstatvfs(descriptor).f_flag & os.ST_RDONLY
        refused = failure(OSError(errno.EROFS if is_read_only else errno.EACCES, "asked"), str(root))
        return [_unwritable(name, whereabouts(str(root), descriptor), refused)]
    finally:
        os.close(descriptor)


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


def _unwritable(name: str, here: Whereabouts, failed: PlaceFailed) -> Finding:
    why = explain(
        Refused(code=failed.code, detail=f"{failed.path}: {failed.detail}", source=here, root=here, uid=os.geteuid())
    )
    if failed.code == "permission_denied":
        owner = f"uid {here.uid}, gid {here.gid}, mode {here.mode:04o}"
        detail = f"{here.path} ({owner}) may not be written by our user (uid {os.geteuid()})"
        why = Why(failed.code, detail, f"chown or chmod {here.path} so that uid {os.geteuid()} may write it")
    return findings.library(
        name, "library.writable", Verdict.FAILED, code=why.code, detail=why.detail, advice=why.advice
    )


def _trial(root: RootHandle, scratch: int, settings: LibrarySettings, file: FinishedFile) -> Trial:
    try:
        with open_source(file.root, file.path, file.size) as source:
            try:
                (try_read(source) if settings.method == "copy" else try_link(source, scratch))
            except PlaceFailed as failed:
                return Trial(file=file, code=failed.code, why=_why(root, source.path, source.fd, failed))
    except PlaceFailed as failed:
        return Trial(file=file, code=failed.code, why=Why(failed.code, f"{failed.path}: {failed.detail}", "try again"))
    return Trial(file=file)


def _prospect(root: RootHandle, scratch: int, settings: LibrarySettings, folder: Path) -> Prospect:
    """What a file of ours in the client's folder shows. It never has a name there, so the client never sees it.

    Whose the client's own files will be, and with which mode, it cannot show: a link that works is no verdict.
    """
    if settings.method == "copy":
        return Prospect(folder=folder)
    try:
        descriptor = os.open(folder, os.O_TMPFILE | os.O_WRONLY | os.O_CLOEXEC, 0o600)
    except OSError:  # not writable for us, or a file system without nameless files: nothing is known
        return Prospect(folder=folder)
    try:
        try_link_of(descriptor, str(folder), scratch)
    except PlaceFailed as failed:
        return Prospect(folder=folder, code=failed.code, why=_why(root, str(folder), descriptor, failed))
    finally:
        os.close(descriptor)
    return Prospect(folder=folder, is_linkable=True)


def _why(root: RootHandle, path: str, descriptor: int, failed: PlaceFailed) -> Why:
    refused = Refused(
        code=failed.code,
        detail=f"{failed.path}: {failed.detail}",
        source=whereabouts(path, descriptor),
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
