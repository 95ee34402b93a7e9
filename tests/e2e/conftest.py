"""The product in front of a household of this test's own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.clients import RealClient, launch
from support.fixtures import own_deluge, swarm
from support.household import data, household, media
from support.product import Product

__all__ = ["data", "media", "own_deluge", "swarm"]


@pytest.fixture
def options() -> tuple[str, ...]:
    """What `sluice up` is told; a test may run with others by parametrising `options`."""
    return ("--no-compact",)


@pytest.fixture
def client(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RealClient]:
    """A running client of this test's own, of the type that it is parametrised with; else a Deluge."""
    kind: str = getattr(request, "param", "deluge")
    with launch(kind, tmp_path / kind) as running:
        yield running


@pytest.fixture
def product(client: RealClient, media: Path, data: Path, options: tuple[str, ...]) -> Iterator[Product]:
    """Sluice in front of that client, its libraries initialised."""
    with Product(data, household(client, media), options) as product:
        for name in ("tv", "movies"):
            product.post(f"/libraries/{name}/init")
        product.await_clients()
        yield product
