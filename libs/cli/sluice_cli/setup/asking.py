"""The questions of `sluice init`, in their order: clients until they answer, libraries, owners, paths."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from sluice_cli.failure import WrongUsage
from sluice_cli.setup import linking, parts, proposals
from sluice_cli.setup.given import TYPES, Given, checked_name, with_scheme
from sluice_cli.setup.talk import Talk
from sluice_cli.setup.values import Client, Library, Login
from sluice_common.contracts.doctor import AboutClient
from sluice_common.kit.settings import OURS

_URLS = {
    "deluge": "http://127.0.0.1:8112",
    "qbittorrent": "http://127.0.0.1:8080",
    "transmission": "http://127.0.0.1:9091",
}
# These know a password only.
_WITHOUT_USERS = frozenset({"deluge"})
_FOLDERS = {"series": ("tv", "your series"), "movies": ("movies", "your movies")}


_HOW = {
    True: "will be hardlinked: it takes no room twice",
    False: "will be copied, not linked: different file systems, or two mounts of one",
    None: "will be linked or copied: its folders are not known here yet",
}


def gather(talk: Talk, given: Given) -> tuple[list[Client], list[Library]]:
    """Everything that is settled before anything is written. Raises Failure, and WrongUsage without a client."""
    answered = [_reached(talk, login, asked_for=True) for login in given.clients]
    if not answered and not talk.interactive:
        raise WrongUsage("give at least one --client NAME=TYPE,URL, or call it from a terminal to be asked")
    if talk.interactive and not given.clients:
        answered = _asked_clients(talk)
    libraries = _libraries(talk, given)
    kinds = list(dict.fromkeys(library.kind for library in libraries))
    clients = [_settled(talk, given, login, about, libraries, kinds) for login, about in answered]
    return clients, [_told_how(talk, library, clients) for library in libraries]


def _told_how(talk: Talk, library: Library, clients: Sequence[Client]) -> Library:
    """The library, knowing whether all clients' files can be linked into it; said for each client."""
    found = {client.login.name: linking.linkable(linking.folders_here(client), library.root) for client in clients}
    for name, linkable in found.items():
        talk.say(f"{library.name}: what {name} downloads {_HOW[linkable]}")
    return replace(library, linkable=all(found.values()))


def _asked_clients(talk: Talk) -> list[tuple[Login, AboutClient]]:
    found: list[tuple[Login, AboutClient]] = []
    while not found or talk.agree("Another download client?", default=False):
        kind = talk.ask(f"Which kind of download client ({', '.join(TYPES)})?", TYPES[0])
        if kind not in TYPES:
            talk.say(f"! there is no kind {kind!r}")
            continue
        taken = {login.name for login, _ in found}
        name = kind if kind not in taken else f"{kind}-{len(found) + 1}"
        login = Login(name=name, type=kind, url=_url(talk, _URLS.get(kind, "")))
        found.append(_reached(talk, _credentials(talk, login), asked_for=False))
    return found


def _url(talk: Talk, default: str) -> str:
    return with_scheme(talk.ask("Its URL, as seen from here?", default))


def _credentials(talk: Talk, login: Login) -> Login:
    username = login.username
    if login.type not in _WITHOUT_USERS:
        username = talk.ask("Its username (empty for none)?", username or "") or None
    return replace(login, username=username, password=talk.secret("Its password (empty for none)?"), password_file=None)


def _reached(talk: Talk, login: Login, *, asked_for: bool) -> tuple[Login, AboutClient]:
    """The login with which the client answers; asked again and again where somebody can be asked."""
    checked_name("--client", login.name)
    if asked_for and login.password_file is None and talk.interactive:
        login = _credentials(talk, login)
    while True:
        about = parts.about(login)
        if about.reason is None:
            version = f" {about.version}" if about.version else ""
            talk.say(
                f"{login.name}: {login.type}{version} answers, and saves to {about.save_path or 'an unknown folder'}"
            )
            return login, about
        talk.give_up(f"{login.name}: {about.message or about.reason} ({about.reason})")
        login = _credentials(talk, replace(login, url=_url(talk, login.url)))


def _libraries(talk: Talk, given: Given) -> list[Library]:
    found = [_there(talk, library) for library in given.libraries]
    if given.libraries or not talk.interactive or talk.accept:
        return found
    for kind, (name, words) in _FOLDERS.items():
        root = talk.ask(f"The folder of {words} (empty for none)?", "")
        if root:
            found.append(_there(talk, Library(name, kind, Path(root).expanduser().absolute())))
    return found


def _there(talk: Talk, library: Library) -> Library:
    """With a root that is there. One that is not may be a disk that is not mounted: none is made unasked."""
    while not library.root.is_dir():
        talk.give_up(f"{library.root}, the folder of {library.name}, is not there; is its disk mounted?")
        if not talk.accept and talk.agree("Make it?", default=False):
            try:
                library.root.mkdir(parents=True)
            except OSError as error:
                talk.say(f"! it cannot be made: {error.strerror}")
            continue
        root = talk.ask(f"The folder of {library.name}?", "")
        library = replace(library, root=Path(root).expanduser().absolute()) if root else library
    return library


def _settled(
    talk: Talk, given: Given, login: Login, about: AboutClient, libraries: Sequence[Library], kinds: Sequence[str]
) -> Client:
    owners = _owners(talk, login.name, about, kinds)
    ours = [category for category, owner in owners.items() if owner == OURS]
    paths = _paths(talk, given, login.name, proposals.folders_of(about, ours), libraries)
    return Client(login, about, paths, owners)


def _owners(talk: Talk, client: str, about: AboutClient, kinds: Sequence[str]) -> dict[str, str]:
    """Each category that looks like somebody's, if that is agreed to; the rest is only shown."""
    owners: dict[str, str] = {}
    for category in sorted(about.categories):
        owner = proposals.owner_of(category, kinds)
        who = "Sluice" if owner == OURS else owner
        if owner is not None and talk.agree(f"{client}: the category {category!r} is imported by {who}?"):
            owners[category] = owner
    for category in proposals.missing_categories(about.categories, kinds):
        question = f"{client}: Sluice imports what will be added with the category {category!r}?"
        if category not in about.categories and talk.agree(question):
            owners[category] = OURS
    return owners


def _paths(
    talk: Talk, given: Given, client: str, folders: Sequence[str], libraries: Sequence[Library]
) -> dict[str, Path]:
    """Mappings for the folders that are not here under the client's own name."""
    paths, same = dict(given.paths.get(client, {})), list[str]()
    for folder in folders:
        if proposals.mapped(folder, paths) is not None:
            continue
        if os.path.isdir(folder):
            same.append(folder)
            continue
        found = _proposed(talk, client, folder, given.downloads, libraries) or _asked_path(talk, client, folder)
        if found is not None:
            paths[found[0]] = found[1]
    return proposals.completed(paths, same)


def _proposed(
    talk: Talk, client: str, folder: str, downloads: Sequence[Path], libraries: Sequence[Library]
) -> tuple[str, Path] | None:
    roots = [library.root for library in libraries]
    near = [parent for root in roots for parent in (root.parent, root.parent.parent) if parent != Path("/")]
    found = proposals.mapping_for(folder, [*downloads, *near], roots, Path.is_dir)
    if found is None:
        return None
    theirs, ours = found
    return found if talk.agree(f"{client} saves to {folder}, which is not here: is its {theirs} our {ours}?") else None


def _asked_path(talk: Talk, client: str, folder: str) -> tuple[str, Path] | None:
    """What nobody knows is left out; doctor tells it again."""
    if talk.interactive and not talk.accept:
        while typed := talk.ask(f"{client} saves to {folder}: where is that here (empty: I do not know)?", ""):
            ours = Path(typed).expanduser().absolute()
            if ours.is_dir():
                return folder, ours
            talk.say(f"! {ours} is not there")
    talk.say(f"! {client} saves to {folder}, which is not here: mount it, and set clients.{client}.paths")
    return None
