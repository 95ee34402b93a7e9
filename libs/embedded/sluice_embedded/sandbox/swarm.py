"""A swarm on loopback: an HTTP tracker and a libtorrent seeder, for real downloads without a network."""

from __future__ import annotations

import socket
import threading
import time
from collections import defaultdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

import libtorrent as lt
from typing_extensions import override

from sluice_embedded.sandbox.torrents import Content, Torrent, Version, bencode, make_torrent

HOST = "127.0.0.1"
_SEEDER: lt.settings_pack = {
    "enable_dht": False,
    "enable_lsd": False,
    "enable_upnp": False,
    "enable_natpmp": False,
    "allow_multiple_connections_per_ip": True,
    "active_limit": -1,
    "active_seeds": -1,
    "enable_outgoing_utp": False,  # what it dials by itself has none, and each vain attempt costs seconds
    "min_reconnect_time": 2,  # seconds; a client that checks its files hangs up, and is dialled again
    "alert_mask": 0,
}
_ASKED_LATELY = 5.0  # seconds
_PERSISTENT: lt.settings_pack = {"min_reconnect_time": 1, "max_failcount": 30}


class Tracker:
    """An HTTP tracker on a free port: compact IPv4 peers, forgotten only with the tracker.

    The path is `/announce`: libtorrent refuses any other on loopback ("blocked by SSRF mitigation").
    """

    def __init__(self, host: str = HOST) -> None:
        self.host = host
        self._peers: dict[bytes, set[tuple[str, int]]] = defaultdict(set)
        self._lock = threading.Lock()
        tracker = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                tracker._answer(self)

            @override
            def log_message(self, format: str, *args: Any) -> None:
                """Announces are nobody's news."""

        self._server = ThreadingHTTPServer((host, 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Where to announce."""
        return f"http://{self.host}:{self._server.server_address[1]}/announce"

    def add_peer(self, info_hash: bytes, port: int) -> None:
        """Hand `port` of our host to everybody who asks for the 20 bytes of `info_hash`."""
        with self._lock:
            self._peers[info_hash].add((self.host, port))

    def close(self) -> None:
        """Stop answering."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(timeout=5)

    def _answer(self, request: BaseHTTPRequestHandler) -> None:
        query = parse_qs(urlsplit(request.path).query, encoding="latin-1")
        info_hash = query.get("info_hash", [""])[0].encode("latin-1")
        me = (request.client_address[0], int(query.get("port", ["0"])[0]))
        with self._lock:
            others = [peer for peer in self._peers[info_hash] if peer != me]
            self._peers[info_hash].discard(me)
            if query.get("event", [""])[0] != "stopped":
                self._peers[info_hash].add(me)
        packed = b"".join(socket.inet_aton(host) + port.to_bytes(2, "big") for host, port in others)
        body = bencode({"interval": 10, "min interval": 2, "peers": packed})
        request.send_response(200)
        request.send_header("Content-Type", "text/plain")
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)


class Swarm:
    """A tracker and one seeder. A context manager; `seed` makes a download possible, `slow` makes it last.

    `host` is the address of ours that the clients can reach; containers do not reach loopback. `persistent`, it dials
    every second a client that went away, and also one that does not want it any more, until that has no ear for
    anything else: for few downloads in a swarm of their own.
    """

    def __init__(self, host: str = HOST, *, persistent: bool = False) -> None:
        self.tracker = Tracker(host)
        settings: lt.settings_pack = {
            **_SEEDER,
            "listen_interfaces": f"{host}:0",
            **(_PERSISTENT if persistent else {}),
        }
        self._session = lt.session(settings)
        self._handles: dict[str, lt.torrent_handle] = {}
        self._asked: dict[str, float] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def port(self) -> int:
        """The seeder's port, for clients that must be told (`connect_peer`)."""
        return int(self._session.listen_port())

    def seed(self, content: Content, *, version: Version = "v1", upload_limit: int | None = None) -> Torrent:
        """Seed `content` and return its .torrent and magnet; `upload_limit` in bytes/s, None for as fast as it goes."""
        torrent = make_torrent(content, trackers=[self.tracker.url], version=version)
        self.seed_torrent(torrent, content.parent, upload_limit=upload_limit)
        return torrent

    def seed_torrent(self, torrent: Torrent, parent: Path, *, upload_limit: int | None = None) -> None:
        """Seed a .torrent made elsewhere, whose content lies under `parent`."""
        params = lt.load_torrent_buffer(torrent.data)
        hashes = params.info_hashes
        params.save_path = str(parent)
        params.flags |= lt.torrent_flags.seed_mode
        params.flags &= ~(lt.torrent_flags.auto_managed | lt.torrent_flags.paused)
        if upload_limit is not None:
            params.upload_limit = upload_limit
        self._handles[torrent.id] = self._session.add_torrent(params)
        if hashes.has_v1():
            self.tracker.add_peer(hashes.v1.to_bytes(), self.port)
        if hashes.has_v2():
            self.tracker.add_peer(hashes.v2.to_bytes()[:20], self.port)

    def limit(self, torrent_id: str, upload_limit: int | None) -> None:
        """Change how fast one torrent is uploaded, in bytes/s; None lifts the limit."""
        self._handles[torrent_id].set_upload_limit(-1 if upload_limit is None else upload_limit)

    def connect(self, torrent_id: str, port: int) -> None:
        """Let the seeder dial a client: one that went away as a seed is dialled by nobody for a minute.

        Those that were dialled for before, but not lately, and have no peer, keep quiet from now on. Transmission takes
        one handshake of an address at a time and cuts the others off: libtorrent dials for all torrents in one moment,
        in one order, so that those it is done with could keep this one from ever being heard.
        """
        now = time.monotonic()
        self._asked[torrent_id] = now
        for other, asked in self._asked.items():
            if now - asked >= _ASKED_LATELY and not self._handles[other].status().num_peers:
                self._handles[other].pause()
        self._handles[torrent_id].resume()
        self._handles[torrent_id].connect_peer((HOST, port))

    def uploaded(self, torrent_id: str) -> int:
        """Payload bytes this seeder has sent of one torrent."""
        return int(self._handles[torrent_id].status().total_payload_upload)

    def close(self) -> None:
        """Stop the seeder and the tracker."""
        for handle in self._handles.values():
            self._session.remove_torrent(handle)
        self._handles.clear()
        self._session.pause()
        self.tracker.close()
