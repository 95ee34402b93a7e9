"""The only list of the kinds of client: a type's name and what makes its adapter.

An adapter is imported when a client of its type is configured: httpx alone costs 0.3 s.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sluice_client_poller.adapters.port import Adapter
from sluice_common.kit.settings import ClientSettings


def _deluge(name: str, settings: ClientSettings) -> Adapter:
    from sluice_client_poller.adapters.deluge.client import DelugeAdapter

    return DelugeAdapter(name, settings)


def _qbittorrent(name: str, settings: ClientSettings) -> Adapter:
    from sluice_client_poller.adapters.qbittorrent.client import QbittorrentAdapter

    return QbittorrentAdapter(name, settings)


def _transmission(name: str, settings: ClientSettings) -> Adapter:
    from sluice_client_poller.adapters.transmission.client import TransmissionAdapter

    return TransmissionAdapter(name, settings)


FACTORIES: Mapping[str, Callable[[str, ClientSettings], Adapter]] = {
    "deluge": _deluge,
    "qbittorrent": _qbittorrent,
    "transmission": _transmission,
}


def make(name: str, settings: ClientSettings) -> Adapter:
    """The adapter of the client that the configuration calls `name`. Connects to nothing yet."""
    return FACTORIES[settings.type](name, settings)
