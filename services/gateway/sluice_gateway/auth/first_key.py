"""The first API key: made where there is none, written to a file only its owner can read, then kept as a hash.

The file is durable before the row: a crash in between leaves a file whose key is adopted at the next start, so nobody
is locked out. While any key is valid nothing is made or adopted, and a revoked key is replaced, never brought back.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Collection
from pathlib import Path

from sluice_common.db.pool import Database
from sluice_common.kit import log as logging
from sluice_common.kit.errors import SettingsError
from sluice_gateway.auth import keys, store

log = logging.get(__name__)


async def ensure(db: Database, path: Path | None, random_bytes: Callable[[int], bytes]) -> None:
    """Make sure that somebody can get in. Raises SettingsError for a path that cannot be used."""
    async with db.transaction() as connection:
        await store.lock(connection)
        if await store.valid(connection):
            return
        if path is None:
            log.error("no_api_key", advice="nobody can use the API; set gateway.first_key_path to a file to be made")
            return
        revoked = await store.revoked(connection)
        key = await asyncio.to_thread(_adopt_or_write, path, revoked, random_bytes)
        await store.insert(connection, "first", keys.digest(key))
    log.info("first_api_key", path=str(path))


def _adopt_or_write(path: Path, revoked: Collection[bytes], random_bytes: Callable[[int], bytes]) -> str:
    try:
        if path.exists():
            found = _read(path)
            if keys.digest(found) not in revoked:
                return found
            path.unlink()
        key = keys.make(random_bytes)
        write(path, key)
    except OSError as error:
        raise SettingsError([f"gateway.first_key_path: {path}: {error.strerror}; its directory must exist"]) from None
    return key


def _read(path: Path) -> str:
    key = path.read_text(encoding="utf-8", errors="replace").strip()
    if not keys.is_key(key):
        raise SettingsError([f"gateway.first_key_path: {path} holds no key of Sluice; remove it to get a new one"])
    return key


def write(path: Path, key: str) -> None:
    """Whole or not at all, durable, mode 0600; never over a file that is there."""
    draft = path.with_name(path.name + ".new")
    draft.unlink(missing_ok=True)  # a crash left it; whoever makes the first key holds a lock
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        os.write(descriptor, f"{key}\n".encode())
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    os.link(draft, path)
    draft.unlink()
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
