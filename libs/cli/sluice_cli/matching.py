"""What to say where a filter lets nothing through: that it does, and how much there is without it."""

from __future__ import annotations

from collections.abc import Mapping

from sluice_cli.api import Api

_MOST = 500  # that one page may hold


def told(filters: Mapping[str, str | None]) -> str:
    """The options as they were given; empty for none."""
    return " ".join(f"--{name} {value}" for name, value in filters.items() if value is not None)


async def nothing(api: Api, path: str, filters: Mapping[str, str | None], what: str) -> str | None:
    """The sentence about `what` (in the plural) that `path` lists; None without a filter, or where nothing is at all.

    `filters` are the options by the names of the API's parameters.
    """
    given = told(filters)
    if not given:
        return None
    page = (await api.get(path, {"limit": _MOST})).document
    count = page.get("total", len(page["items"]))
    if not count:
        return None
    more = " or more" if "total" not in page and page.get("next") else ""
    return f"No {what} match {given}; there are {count}{more} without the filter."
