"""What the importer's side says about each part, in words. Pure: facts in, findings out."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

import msgspec

from sluice_common.contracts.doctor import Finding, Verdict
from sluice_common.kit.settings import ClientSettings, LibrarySettings
from sluice_importer.doctor.explain import Why
from sluice_importer.place.errors import PlaceFailed
from sluice_importer.place.methods import COPY_INSTEAD

_NO_FINISHED_FILE = "no_finished_file"


class FinishedFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file that a client says it finished: `path` below `root` here, `size` bytes, in its own folder `theirs`."""

    client: str
    theirs: str
    root: Path
    path: str
    size: int


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """A link of this file into a library that was tried; `why` it was refused, with the code of its errno."""

    file: FinishedFile
    code: str | None = None
    why: Why | None = None


class Prospect(msgspec.Struct, frozen=True, kw_only=True):
    """A folder of a client that has finished nothing: what a file of ours in it shows, before there is one of its own.

    `is_linkable` where such a file was linked; `why` it was refused; neither where nothing could be tried.
    """

    folder: Path
    is_linkable: bool = False
    code: str | None = None
    why: Why | None = None


def database(trouble: str | None) -> Finding:
    """Whether the importer reaches its database."""
    if trouble is None:
        return Finding(check="database", subject="importer", status=Verdict.OK, detail="PostgreSQL answers")
    advice = "`sluice up` runs it (logs/postgres.log in the data directory); else check postgres.dsn and its password"
    return Finding(
        check="database",
        subject="importer",
        status=Verdict.FAILED,
        code="database_unavailable",
        detail=trouble,
        advice=advice,
    )


def path_unmapped(client: str, theirs: str, settings: ClientSettings, *, matters: bool) -> Finding:
    """No mapping of the configuration holds this folder."""
    known = ", ".join(settings.paths)
    detail = f"{client} saves to {theirs}, which lies in none of clients.{client}.paths ({known})"
    advice = f"add `{theirs}: <where it is here>` to clients.{client}.paths"
    return _path(client, theirs, matters, code="unmapped_path", detail=detail, advice=advice)


def path_refused(
    client: str, theirs: str, ours: Path, settings: ClientSettings, error: OSError, *, matters: bool
) -> Finding:
    """The folder is mapped, and what it is mapped to cannot be used."""
    if isinstance(error, FileNotFoundError):
        code, detail = "path_missing", f"{client} saves to {theirs}; {ours} does not exist here"
    elif isinstance(error, PermissionError):
        code, detail = "permission_denied", f"{client} saves to {theirs}; our user may not read {ours}"
    else:
        code, detail = "path_unreadable", f"{client} saves to {theirs}; {ours} cannot be read: {error.strerror}"
    return _path(
        client, theirs, matters, code=code, detail=detail, advice=_path_advice(client, theirs, ours, settings, code)
    )


def _path_advice(client: str, theirs: str, ours: Path, settings: ClientSettings, code: str) -> str:
    if code != "path_missing":
        return f"let the user that runs Sluice read {ours} (owner, group, mode), and see that its disk is well"
    if not settings.paths:
        return (
            f"say where the client's folder is here: clients.{client}.paths: {{{theirs}: /where/it/is}}; in a "
            "container, mount it first"
        )
    return f"mount it here, or correct the mapping in clients.{client}.paths"


def path_fine(client: str, theirs: str, ours: Path) -> Finding:
    """The client's folder is here."""
    same = str(ours) == theirs
    detail = f"{theirs} is here" if same else f"{theirs} is {ours} here"
    return Finding(check="path.mapped", subject=f"{client} {theirs}", status=Verdict.OK, detail=detail, client=client)


def path_unknown(client: str, code: str, detail: str, advice: str) -> Finding:
    """It is not known where the client saves."""
    return Finding(
        check="path.mapped", subject=client, status=Verdict.UNKNOWN, code=code, detail=detail, advice=advice,
        client=client,
    )  # fmt: skip


def _path(client: str, theirs: str, matters: bool, **said: str) -> Finding:
    """Where nothing of ours lies, a folder that is not here is worth a word and no failure."""
    status = Verdict.FAILED if matters else Verdict.WARNING
    return Finding(check="path.mapped", subject=f"{client} {theirs}", status=status, client=client, **said)


def file_found(file: FinishedFile) -> Finding:
    """A finished file of the client is where it says."""
    detail = f"{file.root / file.path} is here with its {file.size} bytes"
    return Finding(
        check="client.file", subject=f"{file.client} {file.theirs}", status=Verdict.OK, detail=detail,
        client=file.client,
    )  # fmt: skip


def file_refused(file: FinishedFile, failed: PlaceFailed) -> Finding:
    """None of the finished files that were tried is where the client says; this is the last of them."""
    detail = f"{file.client} says that it finished {file.path} in {file.theirs}; {failed.path}: {failed.detail}"
    advice = {
        "source_missing": f"compare {file.root} with the client's {file.theirs}: are they the same folder? If not, "
        f"correct clients.{file.client}.paths; if the file was moved or deleted by hand, remove it from the client",
        "source_incomplete": "wait until it is delivered, or let the client check it again (`sluice recheck ID`)",
    }.get(failed.code, "let the user that runs Sluice read the client's files (owner, group, mode)")
    return Finding(
        check="client.file", subject=f"{file.client} {file.theirs}", status=Verdict.FAILED, code=failed.code,
        detail=detail, advice=advice, client=file.client,
    )  # fmt: skip


def file_unknown(client: str, code: str, detail: str, advice: str) -> Finding:
    """There is no finished file to try."""
    return Finding(
        check="client.file", subject=client, status=Verdict.UNKNOWN, code=code, detail=detail, advice=advice,
        client=client,
    )  # fmt: skip


def no_finished_file(client: str) -> Finding:
    """The client has finished nothing yet."""
    return file_unknown(
        client,
        _NO_FINISHED_FILE,
        f"{client} has no finished download yet, so nothing can be tried",
        "let one download finish (any will do), then run `sluice doctor` again",
    )


def is_looked_at(finding: Finding) -> bool:
    """Whether this `client.file` comes of a look: a file that is here, or that there is none yet."""
    return finding.status == Verdict.OK or finding.code == _NO_FINISHED_FILE


def library(
    name: str, check: str, status: Verdict, *, code: str | None = None, detail: str, advice: str = ""
) -> Finding:
    """One check of a library."""
    return Finding(check=check, subject=name, status=status, code=code, detail=detail, advice=advice, library=name)


def links(
    name: str,
    settings: LibrarySettings,
    trials: Sequence[tuple[str, Sequence[Trial]]],
    prospects: Sequence[tuple[str, Sequence[Prospect]]] = (),
    unknown: Collection[str] = (),
) -> list[Finding]:
    """What the trials of every client's files come to, and what is to be expected of a client without a file.

    A client whose folders are not here either has said so in `path.mapped`, one that is `unknown` in `client.login` or
    `client.file`: of that one only a refusal is told, which holds whatever it has finished.
    """
    told = [_link_of(name, settings, client, held) for client, held in trials if held]
    told += [
        _prospect_of(name, settings, client, held)
        for client, held in prospects
        if held and (client not in unknown or any(prospect.why is not None for prospect in held))
    ]
    if told or unknown:
        return told
    detail = f"not tested yet: no client has a finished file; the first one {_will(settings)}"
    return [library(name, "library.link", Verdict.UNKNOWN, code="no_file", detail=detail, advice=_LATER)]


_LATER = "let one download finish (any will do), then run `sluice doctor` again; see also client.file and path.mapped"


def _will(settings: LibrarySettings) -> str:
    """What is done with a finished file, in words."""
    if settings.method == "copy":
        return "will be read and copied (`method: copy`)"
    otherwise = ", or copied where that is refused (`link: prefer`)" if settings.link == "prefer" else ""
    return f"will be hardlinked into {settings.root}{otherwise}"


def _prospect_of(name: str, settings: LibrarySettings, client: str, prospects: Sequence[Prospect]) -> Finding:
    """A refusal is one already; a link of our own file that works says nothing of the client's owner and mode."""
    refused = [prospect for prospect in prospects if prospect.why is not None]
    if refused and (why := refused[0].why) is not None:
        some_work = len(refused) < len(prospects)
        status, consequence = _gravity(settings, client, refused[0].code, some_work=some_work)
        detail = f"{why.detail} (tried with a file of ours){consequence}"
        return _link(name, client, status, Why(why.code, detail, why.advice))
    shown = [str(prospect.folder) for prospect in prospects if prospect.is_linkable]
    tried = f"; a file of ours in {', '.join(shown)} can be hardlinked" if shown else ""
    detail = f"not tested yet: {client} has no finished file here; the first one {_will(settings)}{tried}"
    return _link(name, client, Verdict.UNKNOWN, Why("no_file", detail, _LATER))


def _link_of(name: str, settings: LibrarySettings, client: str, trials: Sequence[Trial]) -> Finding:
    refused = [trial for trial in trials if trial.why is not None]
    if refused and (why := refused[0].why) is not None:
        status, consequence = _gravity(settings, client, refused[0].code, some_work=len(refused) < len(trials))
        return _link(name, client, status, Why(why.code, why.detail + consequence, why.advice))
    shown = trials[0].file.root / trials[0].file.path
    way = "can be read, and is copied (`method: copy`)" if settings.method == "copy" else "can be hardlinked"
    return _link(name, client, Verdict.OK, Why("", f"{shown} {way}", ""))


def _link(name: str, client: str, status: Verdict, why: Why) -> Finding:
    return Finding(
        check="library.link",
        subject=f"{client} → {name}",
        status=status,
        code=why.code or None,
        detail=why.detail,
        advice=why.advice,
        client=client,
        library=name,
    )


def _gravity(settings: LibrarySettings, client: str, code: str | None, *, some_work: bool) -> tuple[Verdict, str]:
    """A refusal that a copy gets around is a warning where a link is only preferred."""
    if some_work:
        return Verdict.WARNING, f"; files in other folders of {client} can be linked"
    if code in COPY_INSTEAD and settings.link == "prefer":
        return Verdict.WARNING, "; files are copied instead (`link: prefer`), which takes their space twice"
    return Verdict.FAILED, ""
