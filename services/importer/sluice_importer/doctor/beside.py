"""What is said about the Sonarrs and Radarrs beside us: two importers of one file would fight. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import PurePath

import msgspec

from sluice_common.contracts.doctor import Finding, Verdict
from sluice_common.kit.settings import OURS, ClientSettings, LibrarySettings


class AboutApp(msgspec.Struct, frozen=True, kw_only=True):
    """What an app says of itself; with a `reason` it could not be asked, and `message` says why.

    `categories` are those of its download clients, by the client's name there; `roots` its root folders as it sees
    its disk.
    """

    reason: str | None = None
    message: str | None = None
    version: str | None = None
    categories: Mapping[str, frozenset[str]] = {}
    roots: tuple[str, ...] = ()


_ADVICE = {
    "auth_failed": "copy its API key (Settings, General) into apps.{name}.api_key_file",
    "unreachable": "is it running, and is apps.{name}.url right as seen from here?",
    "protocol_error": "is it a Sonarr or Radarr of version 3 or newer that answers at apps.{name}.url?",
}


def app(
    name: str, told: AboutApp, clients: Mapping[str, ClientSettings], libraries: Mapping[str, LibrarySettings]
) -> Iterator[Finding]:
    """Whether it answers, and whether it keeps off what is ours."""
    if told.reason is not None:
        advice = _ADVICE.get(told.reason, _ADVICE["unreachable"]).format(name=name)
        yield _finding(name, "app.login", Verdict.FAILED, told.reason, told.message or "", advice)
        return
    yield _finding(name, "app.login", Verdict.OK, None, f"{told.version} answers")
    yield from _categories(name, told, clients)
    yield from _roots(name, told.roots, libraries)


def _categories(name: str, told: AboutApp, clients: Mapping[str, ClientSettings]) -> Iterator[Finding]:
    """A category that both import would have every download imported twice, or moved away under the other."""
    used = {category: client for client, found in told.categories.items() for category in sorted(found)}
    shared = [
        (category, client)
        for client, settings in clients.items()
        for category, owner in settings.owners.items()
        if owner == OURS and category in used
    ]
    for category, client in shared:
        detail = (
            f"{name} imports the category {category!r} (its download client {used[category]!r}), and so does Sluice, "
            f"by clients.{client}.owners: each download would be imported twice"
        )
        advice = f"give {name} a category of its own, or set clients.{client}.owners to {category}: {name}"
        yield _finding(name, "app.categories", Verdict.FAILED, "category_shared", detail, advice)
    if not shared:
        names = ", ".join(sorted(used)) or "none"
        yield _finding(name, "app.categories", Verdict.OK, None, f"its categories are not ours: {names}")


def _roots(name: str, roots: Iterable[str], libraries: Mapping[str, LibrarySettings]) -> Iterator[Finding]:
    """Only a guess: the app's paths are its own. Equal ones are most likely one folder."""
    met = [(library, root) for library, settings in libraries.items() for root in roots if _meet(settings.root, root)]
    for library, root in met:
        detail = f"{name} keeps its files in {root}, in or above the library {library!r}"
        advice = "let each have a root of its own: both name and clean up the files in theirs"
        yield _finding(name, "app.roots", Verdict.WARNING, "root_shared", detail, advice)
    if not met:
        yield _finding(name, "app.roots", Verdict.OK, None, "its root folders are not our libraries'")


def _meet(ours: PurePath, theirs: str) -> bool:
    path = PurePath(theirs)
    return path == ours or path in ours.parents or ours in path.parents


def _finding(name: str, check: str, status: Verdict, code: str | None, detail: str, advice: str = "") -> Finding:
    return Finding(check=check, subject=name, status=status, code=code, detail=detail, advice=advice)
