"""The adapter against the real qBittorrent, with real downloads from a swarm on loopback."""

from __future__ import annotations

from typing import ClassVar

import pytest

from clients.client_suite import RealClientSuite, Refusal
from sluice_client_poller.adapters.port import NewDownload

pytestmark = pytest.mark.client


class TestQbittorrent(RealClientSuite):
    """The suite of every client, and what only qBittorrent has: deltas, moves at completion, bans."""

    CLIENT = "qbittorrent"
    REFUSALS: ClassVar = (
        Refusal(NewDownload(magnet=f"magnet:?xt=urn:btih:{'1' * 40}", category="a//b"), "category_invalid", 400),
    )
