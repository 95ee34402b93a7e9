"""qBittorrent's categories: listed, and made before something is put into them."""

from __future__ import annotations

from sluice_client_poller.adapters.qbittorrent import wire
from sluice_client_poller.adapters.qbittorrent.access import Access
from sluice_common.kit.errors import Problem


async def listed(access: Access) -> dict[str, wire.Category] | None:
    """None where the API does not list them (before 4.1.4); an add makes what is missing there."""
    reply = await access.get("torrents/categories")
    return None if reply.status == 404 else wire.parse(reply, dict[str, wire.Category])


async def ensure(access: Access, category: str) -> None:
    """Make it unless it is there. Called before what needs it, so that a refusal changes nothing."""
    known = await listed(access)
    if known is None or category in known:
        return
    reply = await access.post("torrents/createCategory", {"category": category, "savePath": ""})
    if reply.status not in (400, 409):
        wire.checked(reply)
    elif category not in (await listed(access) or {}):
        detail = f"qBittorrent does not take this category: {wire.in_words(reply.body)}"
        raise Problem("category_invalid", 400, detail)
