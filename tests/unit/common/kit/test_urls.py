"""URLs that are shown hold no secrets."""

from __future__ import annotations

import pytest

from sluice_common.kit.urls import public


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://nas:8420/base", "http://nas:8420/base"),
        ("http://me:secret@nas:8420/base?key=secret#secret", "http://nas:8420/base"),
        ("http://me:s@cret@nas", "http://nas"),
        ("me:secret@nas:8420", "nas:8420"),
        ("nas:8420", "nas:8420"),
        ("http://[::1", "a URL that cannot be read"),
    ],
)
def test_a_url_is_shown_without_secrets(url: str, shown: str) -> None:
    """Neither user, password nor query; what is left still says where it leads."""
    assert public(url) == shown
