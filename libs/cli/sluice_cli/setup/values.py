"""What is gathered on the way to a sluice.yaml."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from sluice_common.contracts.doctor import AboutClient
from sluice_embedded.layout import Layout


@dataclass(frozen=True)
class Login:
    """How one client is reached. `password_file` is a file of the user's own, which stays where it is."""

    name: str
    type: str
    url: str
    username: str | None = None
    password: SecretStr | None = None
    password_file: Path | None = None


@dataclass(frozen=True)
class Client:
    """A client that answered, and what was settled about it: their folders to ours, categories to owners."""

    login: Login
    about: AboutClient
    paths: dict[str, Path] = field(default_factory=dict)
    owners: dict[str, str] = field(default_factory=dict)

    def secret(self, layout: Layout) -> Path | None:
        """Where its password lies, or will lie: the user's own file, or one of ours in the data directory."""
        if self.login.password_file is not None:
            return self.login.password_file
        return layout.client_secret(self.login.name) if self.login.password is not None else None


@dataclass(frozen=True)
class Library:
    """A library; `kind` is `series` or `movies`; `linkable` where every client's folder can be hardlinked into it."""

    name: str
    kind: str
    root: Path
    linkable: bool = False


def document(clients: list[Client], libraries: list[Library], layout: Layout) -> dict[str, Any]:
    """The keys of sluice.yaml; without a library nothing is imported, and no importer is needed."""
    keys: dict[str, Any] = {"clients": {client.login.name: _client(client, layout) for client in clients}}
    if not libraries:
        return {**keys, "features": ["queue"]}
    return {**keys, "libraries": {library.name: _library(library) for library in libraries}}


def _library(library: Library) -> dict[str, Any]:
    """Where linking works, a file that would be copied all the same is a fault worth hearing of."""
    keys = {"kind": library.kind, "root": str(library.root)}
    return {**keys, "link": "require"} if library.linkable else keys


def _client(client: Client, layout: Layout) -> dict[str, Any]:
    login, secret = client.login, client.secret(layout)
    keys: dict[str, Any] = {"type": login.type, "url": login.url}
    if login.username is not None:
        keys["username"] = login.username
    if secret is not None:
        keys["password_file"] = _named(secret, layout)
    if client.paths:
        keys["paths"] = {theirs: str(ours) for theirs, ours in client.paths.items()}
    if client.owners:
        keys["owners"] = dict(client.owners)
    return keys


def _named(secret: Path, layout: Layout) -> str:
    """Ours follow the data directory, so that a restore into another one finds them; the user's stay where they are."""
    ours = secret.parent == layout.secrets
    return str(secret.relative_to(layout.data) if ours else secret)
