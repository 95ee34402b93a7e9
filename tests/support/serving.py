"""HTTP for clients that are not real: many of them in one event loop, each on a port of its own."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from support.clients import HOST
from support.replay import Answer

# An answer may take its time.
Answerer = Callable[[dict[str, Any]], Answer | Awaitable[Answer]]


class Listener:
    """One client's port, the same for its whole life: it listens or refuses. Only in the loop that serves."""

    def __init__(self, client: Answerer) -> None:
        self._client = client
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.StreamWriter] = set()
        self._kept: socket.socket | None = None
        self.port = 0

    async def listen(self) -> None:
        """Answer from now on, on the port of before."""
        if self._server is not None:
            return
        kept = self._kept or _bound(0)
        self._kept = None
        self._server = await asyncio.start_server(self._connected, sock=kept)
        self.port = kept.getsockname()[1]

    def refuse(self) -> None:
        """As if the process had ended: connections break and new ones are refused.

        The port stays bound, so that no other process takes it meanwhile.
        """
        if self._server is not None:
            self.close()
            self._kept = _bound(self.port)

    def close(self) -> None:
        """Break connections and let go of the port."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for writer in self._connections:
            writer.transport.abort()
        if self._kept is not None:
            self._kept.close()
            self._kept = None

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections.add(writer)
        try:
            while await _exchange(self._client, reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass  # a connection that ends, be it with the loop, is nothing to report
        finally:
            self._connections.discard(writer)
            writer.close()


def _bound(port: int) -> socket.socket:
    found = socket.socket()
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    found.bind((HOST, port))
    return found


async def serve(client: Answerer) -> int:
    """Answer for one client on a free port, until the loop ends; the port."""
    listener = Listener(client)
    await listener.listen()
    return listener.port


async def _exchange(client: Answerer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    """One request and its answer; whether the connection is good for another."""
    given = client(await _request(reader))
    answer = given if isinstance(given, Answer) else await given
    writer.write(_head(answer) + answer.body[: answer.cut])
    await writer.drain()
    return answer.cut is None


async def _request(reader: asyncio.StreamReader) -> dict[str, Any]:
    first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    pairs = (line.partition(":") for line in lines if line)
    headers = {name.lower(): value.strip() for name, _, value in pairs}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    where = urlsplit(first.split(" ")[1])
    return {
        "method": where.path.removeprefix("/"),
        "form": dict(parse_qsl(body.decode(), keep_blank_values=True)),
        "query": dict(parse_qsl(where.query, keep_blank_values=True)),
        "cookie": headers.get("cookie"),
    }


def _head(answer: Answer) -> bytes:
    told = (("Content-Type", answer.content_type), ("Content-Length", str(len(answer.body))), *answer.headers)
    lines = "".join(f"{name}: {value}\r\n" for name, value in told)
    return f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}\r\n{lines}\r\n".encode()
