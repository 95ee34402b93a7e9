"""Is a service ready? One HTTP GET on loopback, by hand. Nothing is restarted from here."""

from __future__ import annotations

import asyncio

_TIMEOUT = 2.0


def reachable_host(listen: str) -> str:
    """Where a server that listens on `listen` answers us: the loopback address for the two wildcards."""
    return {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1"}.get(listen, listen)  # noqa: S104 - read, not bound


def url_of(listen: str, port: int) -> str:
    """The base URL of a server that listens there, seen from this machine."""
    host = reachable_host(listen)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


async def is_ready(listen: str, port: int) -> bool:
    """Whether GET /ready answers 200 within two seconds."""
    try:
        async with asyncio.timeout(_TIMEOUT):
            status = await _status(reachable_host(listen), port)
    except (OSError, TimeoutError):
        return False
    return status.startswith(b"HTTP/1.") and status[9:12] == b"200"


async def _status(host: str, port: int) -> bytes:
    reader, writer = await asyncio.open_connection(host, port)
    try:
        name = f"[{host}]" if ":" in host else host
        writer.write(f"GET /ready HTTP/1.1\r\nHost: {name}:{port}\r\nConnection: close\r\n\r\n".encode())
        await writer.drain()
        return await reader.readline()
    finally:
        writer.close()
        await writer.wait_closed()
