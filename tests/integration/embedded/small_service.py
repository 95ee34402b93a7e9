"""A small program in the place of a service: answers /ready, or misbehaves as its argument says. Not a test."""

from __future__ import annotations

import os
import signal
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer

from typing_extensions import override


class _Answer(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/ready" else 404)
        self.end_headers()

    @override
    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


def main(mode: str) -> None:
    if mode == "settings":
        print("libraries.tv.root: no such directory")
        sys.exit(2)
    if mode == "crash":
        print("cannot go on: the reason")
        sys.exit(1)
    if mode == "stubborn":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    port = os.environ["SLUICE_GATEWAY__PORT" if mode == "api" else "SLUICE_HEALTH__PORT"]
    with HTTPServer(("127.0.0.1", int(port)), _Answer) as server:
        server.serve_forever()


if __name__ == "__main__":
    main(sys.argv[1])
