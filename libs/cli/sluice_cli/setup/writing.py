"""Writes what was settled: secrets for us alone, markers, and last sluice.yaml, never over one that is there."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import yaml

from sluice_cli.failure import Failure
from sluice_cli.setup import parts
from sluice_cli.setup.values import Client, Library
from sluice_common.kit.errors import SettingsError
from sluice_common.kit.settings import load
from sluice_embedded.layout import Layout, make, write_private

_HEAD = "# Made by `sluice init`, yours from now on. docs/configuration.md explains every key.\n"


def text_of(keys: dict[str, Any]) -> str:
    """The file's text; raises Failure with every fault that Sluice would find in it."""
    bare = {**keys, "clients": {name: _without_secret(client) for name, client in keys["clients"].items()}}
    with tempfile.NamedTemporaryFile("w", suffix=".yaml", encoding="utf-8") as file:
        file.write(_dumped(bare))
        file.flush()
        try:
            load(Path(file.name))
        except SettingsError as error:
            raise Failure(f"this would be no valid configuration: {'; '.join(error.faults)}") from None
    return _HEAD + _dumped(keys)


def _without_secret(client: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in client.items() if key != "password_file"}


def _dumped(keys: dict[str, Any]) -> str:
    return yaml.safe_dump(keys, sort_keys=False, allow_unicode=True, default_flow_style=False)


def refuse_existing(layout: Layout) -> None:
    """Raise Failure where there is a configuration already."""
    if os.path.lexists(layout.config):
        raise Failure(
            f"{layout.config} is there already, and is never overwritten: edit it, move it away, give another data "
            "directory with --data, or see what would be written with --print"
        )


def settle_stored(layout: Layout, clients: Sequence[Client], agree: Callable[[str], bool]) -> None:
    """Raise Failure where a password that was stored before would be lost and nobody agrees to that.

    The file may belong to a configuration that was moved away, of which it may be the only copy.
    """
    for client in clients:
        ours, password = layout.client_secret(client.login.name), client.login.password
        if password is None or not os.path.lexists(ours) or _holds(ours, password.get_secret_value()):
            continue
        if not agree(f"{ours} holds another password, stored by an earlier `sluice init`: replace it?"):
            raise Failure(
                f"{ours} holds another password already, and is not overwritten: move it away, give the client another "
                f"name, or name that very file (--password-file {client.login.name}={ours}); nothing was written"
            )


def _holds(path: Path, password: str) -> bool:
    try:
        return path.read_text(encoding="utf-8").strip() == password.strip()
    except (OSError, UnicodeDecodeError):
        return False


def write(
    layout: Layout, text: str, clients: Sequence[Client], libraries: Sequence[Library], say: Callable[[str], None]
) -> None:
    """Everything, or as little as possible: the configuration comes last. Each mark is said. Raises Failure."""
    try:
        make(layout, root=os.geteuid() == 0)
        for client in clients:
            secret = client.secret(layout)
            if client.login.password is not None and secret is not None:
                write_private(secret, client.login.password.get_secret_value() + "\n")
        for library in libraries:
            parts.mark(library.name, library.root)
            say(f"Marked {library.root} as {library.name}.")
        _publish(layout, text)
    except OSError as error:
        raise Failure(f"{error.filename or layout.data} cannot be written: {error.strerror}") from None


def _publish(layout: Layout, text: str) -> None:
    """A link, unlike a rename, replaces nothing that came meanwhile."""
    fresh = layout.data / "sluice.yaml.new"
    write_private(fresh, text)
    try:
        os.link(fresh, layout.config)
    except FileExistsError:
        refuse_existing(layout)
    finally:
        fresh.unlink(missing_ok=True)
