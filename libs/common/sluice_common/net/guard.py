"""Fetches a URL that a user or an indexer gave us: only public addresses, or those the configuration allows.

The address that is checked is the address that is connected to, so a name that resolves differently a moment later
gains nothing. No message here holds more of a URL than its host: the rest may be somebody's key.
"""

from __future__ import annotations

import asyncio
import json
import re
import socket
import zlib
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any

import httpcore
import msgspec
from typing_extensions import override

from sluice_common.kit.errors import Problem
from sluice_common.kit.metrics import version
from sluice_common.net.addresses import refusal
from sluice_common.net.http import URL, InvalidURL, reason
from sluice_common.net.tls import trusted

__all__ = ["Fetched", "fetch", "refusal"]

MAX_REDIRECTS = 5
_HOST = re.compile(rb"[0-9a-z_][0-9a-z_.-]{0,252}|[0-9a-f:.]{2,45}")  # a name (IDNA encoded) or an address
_REDIRECTS = (301, 302, 303, 307, 308)

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""Host and port to addresses; raises OSError when the name is not known."""


class Fetched(msgspec.Struct, frozen=True):
    """What a URL led to. `location` is the magnet link that it redirects to, as indexers do; then there is no body."""

    body: bytes
    content_type: str
    final_url_host: str
    location: str | None = None

    @property
    def magnet(self) -> str | None:
        """The magnet link, if that is what the URL stands for."""
        return self.location


async def fetch(
    url: str,
    *,
    allow: Sequence[str],
    limit: int,
    timeout: float,  # noqa: ASYNC109 - the whole fetch's budget is part of what is asked
    resolve: Resolve | None = None,
) -> Fetched:
    """GET `url`, at most `limit` bytes (also unpacked) within `timeout` seconds, redirects included.

    Raises Problem: url_invalid (400), url_refused (403), url_too_large (413), url_failed (502), url_timeout (504).
    """
    target = _parse(url)
    try:
        async with (
            asyncio.timeout(timeout),
            httpcore.AsyncConnectionPool(
                ssl_context=trusted(), network_backend=_CheckedBackend(allow, resolve or _resolve, timeout)
            ) as pool,
        ):
            return await _follow(pool, target, limit)
    except (TimeoutError, httpcore.TimeoutException):
        raise Problem("url_timeout", 504, f"the URL's host did not answer within {timeout:g} s") from None
    except (httpcore.NetworkError, httpcore.ProtocolError, OSError) as error:
        raise Problem("url_failed", 502, f"the URL could not be fetched: {reason(error)}") from None


async def _follow(pool: httpcore.AsyncConnectionPool, url: URL, limit: int) -> Fetched:
    for _ in range(MAX_REDIRECTS + 1):
        async with pool.stream("GET", _wire(url), headers=_headers(url)) as response:
            if response.status not in _REDIRECTS:
                return await _read(response, url, limit)
            location = _header(response, b"location")
        if location.lower().startswith("magnet:"):
            return Fetched(b"", "", url.host, location)
        url = _redirected(url, location)
    raise Problem("url_failed", 502, f"the URL redirects more than {MAX_REDIRECTS} times", host=url.host)


def _parse(text: str) -> URL:
    try:
        url = URL(text.strip())
    except (InvalidURL, ValueError):
        raise Problem("url_invalid", 400, "this is not a URL; give one like https://host/path") from None
    if url.scheme not in ("http", "https"):
        raise Problem("url_invalid", 400, "only http and https URLs can be fetched")
    port = 80 if url.port is None else url.port
    if _HOST.fullmatch(url.raw_host) is None or not 1 <= port <= 65535:
        raise Problem("url_invalid", 400, "the URL's host or port is not valid")
    if url.userinfo:
        raise Problem("url_invalid", 400, "a URL with a user name or password in it is not fetched")
    return url


def _redirected(url: URL, location: str) -> URL:
    try:
        return _parse(str(url.join(location)))
    except (Problem, InvalidURL, ValueError):
        detail = f"{url.host} redirects to something that is not a plain http or https URL"
        raise Problem("url_refused", 403, detail, host=url.host) from None


def _wire(url: URL) -> httpcore.URL:
    return httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)


def _headers(url: URL) -> list[tuple[bytes, bytes]]:
    """No body is wanted packed: what arrives packed all the same is unpacked up to the limit."""
    return [
        (b"Host", url.netloc),
        (b"User-Agent", f"Sluice/{version()}".encode()),
        (b"Accept", b"*/*"),
        (b"Accept-Encoding", b"identity"),
        (b"Connection", b"close"),
    ]


def _header(response: httpcore.Response, name: bytes) -> str:
    return next((value.decode("latin-1") for key, value in response.headers if key.lower() == name), "")


async def _read(response: httpcore.Response, url: URL, limit: int) -> Fetched:
    if not 200 <= response.status < 300:
        raise Problem("url_failed", 502, f"{url.host} answered with status {response.status}", host=url.host)
    declared = _header(response, b"content-length")
    if declared.isdigit() and int(declared) > limit:
        raise _too_large(limit)
    unpack = _unpacker(_header(response, b"content-encoding"), limit)
    body = bytearray()
    async for chunk in response.aiter_stream():
        body += unpack.feed(chunk)
        if len(body) > limit:
            raise _too_large(limit)
    unpack.finish()
    return Fetched(bytes(body), _header(response, b"content-type"), url.host)


def _too_large(limit: int) -> Problem:
    return Problem("url_too_large", 413, f"what the URL leads to is larger than {limit} bytes", limit=limit)


class _Plain:
    def feed(self, chunk: bytes) -> bytes:
        return chunk

    def finish(self) -> None:
        """Nothing is held back."""


class _Packed(_Plain):
    """gzip or deflate, never unpacked further than just past the limit, however small it was packed."""

    def __init__(self, limit: int) -> None:
        self._inflate = zlib.decompressobj(wbits=47)  # reads the gzip or zlib header itself
        self._room = limit + 1

    @override
    def feed(self, chunk: bytes) -> bytes:
        if self._room <= 0:
            return b""
        try:
            data = self._inflate.decompress(chunk, self._room)
        except zlib.error:
            raise Problem("url_failed", 502, "the answer's packing is damaged") from None
        self._room -= len(data)
        return data

    @override
    def finish(self) -> None:
        if not self._inflate.eof:
            raise Problem("url_failed", 502, "the answer ends in the middle")


def _unpacker(encoding: str, limit: int) -> _Plain:
    match encoding.strip().lower():
        case "" | "identity":
            return _Plain()
        case "gzip" | "x-gzip" | "deflate":
            return _Packed(limit)
        case _:
            raise Problem("url_failed", 502, "the answer is packed in a way that was not asked for")


class _CheckedBackend(httpcore.AsyncNetworkBackend):
    """Resolves, checks every address, and connects to exactly those."""

    def __init__(self, allow: Sequence[str], resolve: Resolve, budget: float) -> None:
        self._allow = allow
        self._resolve = resolve
        self._budget = budget
        self._inner = httpcore.AnyIOBackend()

    @override
    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        addresses = await self._checked(host, port)
        share = self._budget / len(addresses)  # so that one dead address does not use up the others' time
        last: Exception = httpcore.ConnectError("no address")
        for address in addresses:
            try:
                return await self._inner.connect_tcp(address, port, share, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                last = error
        raise last

    async def _checked(self, host: str, port: int) -> Sequence[str]:
        try:
            addresses = await self._resolve(host, port)
        except UnicodeError:
            raise Problem("url_invalid", 400, "the URL's host is not a valid name") from None
        for address in addresses:
            why = refusal(address, self._allow, host)
            if why is not None:
                raise _refused(host, address, why)
        if not addresses:
            raise Problem("url_failed", 502, f"{host} has no address", host=host)
        return addresses

    @override
    async def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[Any] | None = None
    ) -> httpcore.AsyncNetworkStream:
        raise Problem("url_refused", 403, "a URL never leads to a socket file")

    @override
    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


def _refused(host: str, address: str, why: str) -> Problem:
    whose = host if host == address else f"{host} ({address})"
    detail = (
        f"{whose} is {why}; if you trust it, allow it in the configuration: fetch: {{allow: [{json.dumps(address)}]}}"
    )
    return Problem("url_refused", 403, detail, host=host, address=address)


async def _resolve(host: str, port: int) -> Sequence[str]:
    infos = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(info[4][0]) for info in infos))
