"""Whether Sluice will import what is added, by its category: a word for who adds it. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from sluice_common.kit.errors import Problem
from sluice_common.kit.settings import OURS


def ours(owners: Mapping[str, str]) -> str:
    """The categories that are ours, as a list for people; empty where there is none."""
    return ", ".join(sorted(category or "none at all" for category, owner in owners.items() if owner == OURS))


def check_category(category: str | None) -> None:
    """Raise Problem category_invalid for blanks around it: the client would make a second category of the same look."""
    if category is not None and category != category.strip():
        raise Problem("category_invalid", 400, f"the category {category!r} begins or ends with a blank")


def note(client: str, owners: Mapping[str, str], category: str | None) -> str | None:
    """Why nothing will be imported, and what would be; None where it is imported. `owners`: category to owner."""
    owner = owners.get(category or "")
    if owner == OURS:
        return None
    what = f"the category {category!r}" if category else "what has no category"
    if owner is not None:
        return f"{what} belongs to {owner}, so Sluice does not import it"
    others = ours(owners) or f"none of {client}; see clients.{client}.owners in sluice.yaml"
    return f"{what} is not imported by Sluice; its categories are: {others}"
