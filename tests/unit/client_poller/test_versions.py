"""Versions as clients write them."""

from __future__ import annotations

import msgspec
import pytest

from sluice_client_poller.adapters.port import About
from sluice_client_poller.adapters.registry import FACTORIES
from sluice_client_poller.adapters.versions import KNOWN, about, is_known, is_tested
from sluice_common.contracts.doctor import AboutClient


@pytest.mark.parametrize(
    ("kind", "version", "known"),
    [
        ("deluge", "2.0.3", True),
        ("deluge", "2.2.0", True),
        ("deluge", "1.3.15", False),
        ("deluge", "3.0.0", False),
        ("qbittorrent", "v4.5.2", True),
        ("qbittorrent", "v4.0.4", False),
        ("qbittorrent", "v5.1.0", True),
        ("transmission", "3.00 (bb6b5a062e)", True),
        ("transmission", "2.84 (14307)", False),
        ("transmission", "4.1.0-beta.2", True),
        ("deluge", None, None),
        ("deluge", "git", None),
        ("new-kind", "1.0", None),
    ],
)
def test_a_version_is_known(kind: str, version: str | None, known: bool | None) -> None:
    """From the first known to the next major one; what cannot be read is no verdict."""
    assert is_known(kind, version) is known


@pytest.mark.parametrize(
    ("kind", "version", "tested"),
    [
        ("deluge", "2.0.5", True),
        ("deluge", "2.1.1", False),
        ("qbittorrent", "v4.5.2", True),
        ("qbittorrent", "v4.6.7", False),
        ("qbittorrent", "v5.1.4", True),
        ("transmission", "4.1.0", True),
        ("transmission", "4.0.6 (38c164933e)", False),
        ("transmission", None, None),
        ("new-kind", "1.0", None),
    ],
)
def test_a_version_is_tested(kind: str, version: str | None, tested: bool | None) -> None:
    """Only where a test saw one of its series, for real or recorded."""
    assert is_tested(kind, version) is tested


def test_every_kind_of_client_has_its_versions() -> None:
    """An adapter that is added says which versions it knows."""
    assert FACTORIES.keys() <= KNOWN.keys()
    assert all(is_known(kind, version) for kind, known in KNOWN.items() for version in known.tested)


def test_what_a_client_says_is_judged() -> None:
    """All that it says, and what is known of its kind; of a kind without a table nothing is."""
    told = About(version="v4.6.7", save_path="/downloads", categories={"tv": None})
    said = AboutClient(version="v4.6.7", save_path="/downloads", categories={"tv": None})
    assert about("new-kind", told) == said
    judged = msgspec.structs.replace(said, is_tried=True, is_tested=False, tested=("4.5.2", "5.1.0"))
    assert about("qbittorrent", told) == judged
