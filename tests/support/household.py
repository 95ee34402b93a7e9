"""A household: a real Deluge on a loopback swarm, libraries beside it, and Sluice in front."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from support.deluge import Deluge


def household(deluge: Deluge, media: Path, **more: Any) -> dict[str, Any]:
    """A configuration as a user would write it; `more` sets further top-level keys."""
    return {
        "clients": {
            "deluge": {
                "type": "deluge",
                "url": deluge.url,
                "password": deluge.password,
                "owners": {"tv": "sluice", "movies": "sluice", "tv-sonarr": "sonarr"},
            }
        },
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
