"""A tracker that counts how often it is asked, and asks not to be asked again for an hour."""

from __future__ import annotations

from http.server import BaseHTTPRequestHandler

from typing_extensions import override

from support.loopback import LoopbackServer, send
from support.torrents import bencode


class AnnounceCounter(LoopbackServer):
    """A context manager. `count` is how many announces came; a client may ask again by hand after a second."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    @property
    @override
    def url(self) -> str:
        """Where to announce; libtorrent refuses any other path on loopback."""
        return f"{super().url}/announce"

    @override
    def respond(self, request: BaseHTTPRequestHandler) -> None:
        self.count += 1
        send(request, 200, (), bencode({"interval": 3600, "min interval": 1, "peers": b""}))
