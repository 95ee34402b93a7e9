"""The product in front of a household of this test's own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.deluge import Deluge
from support.fixtures import own_deluge, swarm
from support.household import data, household, media
from support.product import Product

__all__ = ["data", "media", "own_deluge", "swarm"]


@pytest.fixture
def options() -> tuple[str, ...]:
    """What `sluice up` is told; a test may run with others by parametrising `options`."""
    return ("--no-compact",)


@pytest.fixture
def product(own_deluge: Deluge, media: Path, data: Path, options: tuple[str, ...]) -> Iterator[Product]:
    """Sluice in front of a Deluge of this test's own, its libraries initialised."""
    with Product(data, household(own_deluge, media), options) as product:
        for name in ("tv", "movies"):
            product.post(f"/libraries/{name}/init")
        product.await_clients()
        yield product
