"""A household: real clients on a loopback swarm, libraries beside them, and Sluice in front."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from support.clients import RealClient


def entry(client: RealClient) -> dict[str, Any]:
    """What the configuration says of one client, as a user would write it."""
    return {
        "type": client.type,
        "url": client.url,
        **({"username": client.username} if client.username else {}),
        "password": client.password,
        "owners": {"tv": "sluice", "movies": "sluice", "tv-sonarr": "sonarr"},
    }


def household(client: RealClient, media: Path, **more: Any) -> dict[str, Any]:
    """A configuration in which `client` is called as its type is; `more` sets further top-level keys."""
    return {
        "clients": {client.type: entry(client)},
        "libraries": {
            "tv": {"kind": "series", "root": str(media / "tv"), "link": "require"},
            "movies": {"kind": "movies", "root": str(media / "movies"), "link": "require"},
        },
        "poll": {"fast": 0.3, "slow": 0.5},
        **more,
    }


@pytest.fixture
def media(tmp_path: Path) -> Path:
    """The libraries' parent, on the file system of the downloads."""
    for name in ("tv", "movies"):
        (tmp_path / "media" / name).mkdir(parents=True)
    return tmp_path / "media"


@pytest.fixture
def data() -> Iterator[Path]:
    """A data directory that PostgreSQL's unprivileged user can reach; pytest's own is closed to others."""
    with TemporaryDirectory(prefix="sluice-") as directory:
        Path(directory).chmod(0o711)
        yield Path(directory) / "data"
