"""Fixtures over real programs. A test package gets them by `pytest_plugins = ["support.fixtures"]` or by import."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.clients import SharedClients
from support.deluge import Deluge
from support.swarm import Swarm


@pytest.fixture(scope="session")
def shared_clients(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SharedClients]:
    """Running clients by type, one of each per worker."""
    with SharedClients(tmp_path_factory.mktemp("clients")) as running:
        yield running


@pytest.fixture
def own_deluge(tmp_path: Path) -> Iterator[Deluge]:
    """A running Deluge for one test alone, which may kill and freeze it."""
    directory = tmp_path / "deluge"
    directory.mkdir()
    with Deluge(directory) as running:
        yield running


@pytest.fixture(scope="session")
def swarm() -> Iterator[Swarm]:
    """A tracker and a seeder, one per worker."""
    with Swarm() as running:
        yield running
