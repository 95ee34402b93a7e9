"""HTTP for clients that are not real: many of them in one event loop, each on a port of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from support.clients import HOST
from support.replay import Answer

# An answer may take its time.
Answerer = Callable[[dict[str, Any]], Answer | Awaitable[Answer]]


async def serve(client: Answerer) -> int:
    """Answer for one client on a free port, until the loop ends; the port."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await _exchange(client, reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass  # a connection that ends, be it with the loop, is nothing to report
        finally:
            writer.close()

    server = await asyncio.start_server(connected, HOST, 0)
    await server.start_serving()
    port: int = server.sockets[0].getsockname()[1]
    asyncio.get_running_loop().create_task(server.serve_forever())
    return port


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
