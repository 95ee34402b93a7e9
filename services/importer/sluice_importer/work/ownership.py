"""Whose a download is: by its category, per client. Pure."""

from __future__ import annotations

from sluice_common.kit.settings import OURS, ClientSettings


def is_ours(client: ClientSettings, category: str | None) -> bool:
    """Whether downloads of this category are ours to import; those without one have the category ""."""
    return client.owners.get(category or "") == OURS


def our_categories(client: ClientSettings) -> frozenset[str]:
    """The categories of this client that are ours."""
    return frozenset(category for category, owner in client.owners.items() if owner == OURS)
