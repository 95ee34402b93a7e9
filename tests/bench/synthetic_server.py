"""A fleet of synthetic qBittorrents, each on a port of its own, all in one process of their own.

Told is one line, the ports, once all of them listen. Then each moves on once a second, at a moment of its own.
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from bench.aside import given, tell
from bench.synthetic import SyntheticQbittorrent
from support.clients import HOST


async def serve(client: SyntheticQbittorrent) -> int:
    """Answer for one client on a free port, until the loop ends."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                writer.write(_answered(client, await _request(reader)))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(connected, HOST, 0)
    await server.start_serving()
    port: int = server.sockets[0].getsockname()[1]
    asyncio.get_running_loop().create_task(server.serve_forever())
    return port


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


def _answered(client: SyntheticQbittorrent, call: dict[str, Any]) -> bytes:
    answer = client(call)
    told = (("Content-Type", answer.content_type), ("Content-Length", str(len(answer.body))), *answer.headers)
    head = "".join(f"{name}: {value}\r\n" for name, value in told)
    return f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}\r\n{head}\r\n".encode() + answer.body


async def _live(client: SyntheticQbittorrent, offset: float) -> None:
    await asyncio.sleep(offset)
    while True:
        client.step()
        await asyncio.sleep(1)


async def main() -> None:
    """Serve until the process is ended."""
    asked = given()
    fleet = [SyntheticQbittorrent(asked["rows"], asked["seed"] + index) for index in range(asked["clients"])]
    tell(ports=[await serve(client) for client in fleet])
    async with asyncio.TaskGroup() as group:
        for index, client in enumerate(fleet):
            group.create_task(_live(client, index / len(fleet)))


if __name__ == "__main__":
    asyncio.run(main())
