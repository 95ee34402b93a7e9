"""HTTP for clients that are not real: many of them in one event loop, each on a port of its own."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from functools import partial
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from support.clients import HOST
from support.replay import Answer

# An answer may take its time.
Answerer = Callable[[dict[str, Any]], Answer | Awaitable[Answer]]


class Listener:
    """One client's port, the same for its whole life: it listens or refuses. Only in the loop that serves.

    Not an asyncio.Server: closed while a connection is being accepted it leaves that one open for ever (3.11).
    """

    def __init__(self, client: Answerer) -> None:
        self._client = client
        self._loop: asyncio.AbstractEventLoop | None = None  # while it listens
        self._connections: set[asyncio.Task[None]] = set()
        self._fresh: set[socket.socket] = set()
        self._open: set[asyncio.StreamWriter] = set()
        self._socket: socket.socket | None = None
        self.port = 0

    def listen(self) -> None:
        """Answer from now on, on the port of before."""
        if self._loop is None:
            port = self._socket or _bound(self.port)
            port.listen(100)
            self._socket, self.port = port, port.getsockname()[1]
            self._loop = asyncio.get_running_loop()
            self._loop.add_reader(port, self._accept, port)

    def refuse(self) -> None:
        """As if the process had ended: connections break and new ones are refused.

        The port stays bound, so that no other process takes it meanwhile.
        """
        self.close()
        self._socket = _bound(self.port)

    def close(self) -> None:
        """Break connections and let go of the port."""
        if self._socket is not None:
            if self._loop is not None:
                self._loop.remove_reader(self._socket)
            self._socket.close()
            self._socket = self._loop = None
        for writer in self._open:
            writer.transport.abort()

    def _accept(self, port: socket.socket) -> None:
        """Not awaited: what is accepted in the moment of a cancellation would be nobody's."""
        try:
            connection, _ = port.accept()
        except (BlockingIOError, ConnectionError):
            return  # it went away again
        connection.setblocking(False)
        self._fresh.add(connection)
        task = asyncio.get_running_loop().create_task(self._connected(connection, port))
        self._connections.add(task)
        task.add_done_callback(partial(self._over, connection))

    def _over(self, connection: socket.socket, task: asyncio.Task[None]) -> None:
        """One that was cancelled before it began has not closed what it was given."""
        self._connections.discard(task)
        if connection in self._fresh:
            self._fresh.discard(connection)
            connection.close()

    async def _connected(self, connection: socket.socket, port: socket.socket) -> None:
        self._fresh.discard(connection)
        reader, writer = await asyncio.open_connection(sock=connection)
        self._open.add(writer)
        try:
            while self._socket is port and await _exchange(self._client, reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass  # a connection that ends, be it with the loop, is nothing to report
        finally:
            self._open.discard(writer)
            writer.close()


def _bound(port: int) -> socket.socket:
    found = socket.socket()
    found.setblocking(False)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    found.bind((HOST, port))
    return found


async def serve(client: Answerer) -> int:
    """Answer for one client on a free port, until the loop ends; the port."""
    listener = Listener(client)
    listener.listen()
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
