"""A backup, written: configuration, key, tables, and what it says of itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
import yaml

from sluice_common.kit.metrics import version
from sluice_common.kit.settings import PostgresSettings, secret_path
from sluice_embedded.backup import tables
from sluice_embedded.backup.archive import API_KEY, CONFIG, PIECE, Writer
from sluice_embedded.backup.manifest import BackupRefused, Manifest
from sluice_embedded.backup.owners import OWNERS, Owners


@dataclass(frozen=True)
class Source:
    """What there is to keep: the database, and the files where there are such; `client_secrets` by client."""

    postgres: PostgresSettings
    config: Path | None
    api_key: Path | None
    client_secrets: Mapping[str, Path] = field(default_factory=dict)


async def write(source: Source, file: BinaryIO, owners: Owners = OWNERS) -> Manifest:
    """Write the archive. Raises BackupRefused, OSError and what asyncpg raises; the file is worthless then."""
    writer = Writer(file)
    left_out: tuple[str, ...] = ()
    if (config := _content(source.config)) is not None:
        writer.add(CONFIG, config)
        left_out = _left_out(source, config)
    if (key := _content(source.api_key)) is not None:
        writer.add(API_KEY, key)
    for client, path in source.client_secrets.items():
        if (secret := _content(path)) is not None:
            writer.add_secret(client, secret)
    found = await tables.dump(source.postgres, owners, writer)
    if not found.schemas:
        raise BackupRefused("the database holds nothing of Sluice: there is nothing to keep yet")
    manifest = msgspec.structs.replace(found, sluice=version(), left_out=left_out)
    writer.close(manifest)
    return msgspec.structs.replace(manifest, members=writer.members)


def _content(path: Path | None) -> bytes | None:
    if path is None:
        return None
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise BackupRefused(f"cannot read {path}: {error.strerror}") from error
    if len(content) > PIECE:
        raise BackupRefused(f"{path} has {len(content)} bytes: that is no file of Sluice")
    return content


def _left_out(source: Source, config: bytes) -> tuple[str, ...]:
    folder = source.config.absolute().parent if source.config is not None else Path()
    ours = set(source.client_secrets.values())
    return tuple(path for path in secret_files(config) if secret_path(path, folder) not in ours)


def secret_files(config: bytes) -> tuple[str, ...]:
    """The paths behind every `…_file` of the configuration, as it gives them."""
    try:
        return tuple(sorted(set(_paths(yaml.safe_load(config)))))
    except (yaml.YAMLError, UnicodeDecodeError):
        return ()


def _paths(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            if isinstance(inner, str) and str(key).endswith("_file"):
                yield inner
            yield from _paths(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _paths(inner)
