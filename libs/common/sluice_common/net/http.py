"""The only module that imports httpx. Clients are made here, and their errors become words without secrets.

For addresses from the configuration. A URL that came from a user or an indexer goes through `guard.fetch` instead.
"""

from __future__ import annotations

import errno
import socket
import ssl
from base64 import b64encode
from collections.abc import Iterator, Mapping
from typing import Any

from typing_extensions import override

from sluice_common.kit.errors import ClientUnavailable
from sluice_common.kit.lean import without
from sluice_common.net.tls import PinMismatch, trusted

with without("httpx._main"):  # its command line, which takes click, rich and pygments along
    from httpx import (
        URL,
        USE_CLIENT_DEFAULT,
        AsyncBaseTransport,
        AsyncClient,
        AsyncHTTPTransport,
        Auth,
        BasicAuth,
        ConnectError,
        ConnectTimeout,
        Cookies,
        DecodingError,
        HTTPError,
        InvalidURL,
        Limits,
        PoolTimeout,
        Request,
        Response,
        TimeoutException,
        TransportError,
    )

__all__ = [
    "URL",
    "AsyncBaseTransport",
    "AsyncClient",
    "Auth",
    "BasicAuth",
    "Cookies",
    "DecodingError",
    "HTTPError",
    "InvalidURL",
    "Request",
    "Response",
    "TimeoutException",
    "TransportError",
    "client",
    "reason",
    "unavailable",
]

_IDLE = 30.0
_NO_CONNECTION = (ConnectError, ConnectTimeout, PoolTimeout)
_WORDS = {
    errno.ECONNREFUSED: "connection refused",
    errno.ECONNRESET: "the connection was cut",
    errno.EPIPE: "the connection was cut",
    errno.EHOSTUNREACH: "no route to the host",
    errno.ENETUNREACH: "no route to the network",
    errno.ETIMEDOUT: "the host does not answer",
}


class _Straight(AsyncClient):
    """Requests go straight to the transport, and no cookie is kept: a poller sends a hundred of them a second.

    What an AsyncClient does besides (a jar of cookies, redirects to follow, hooks, a log line that nobody reads) takes
    a fifth of a request's CPU, and nobody here wants it.
    """

    def __init__(self, transport: AsyncBaseTransport, **given: Any) -> None:
        super().__init__(transport=transport, trust_env=False, follow_redirects=False, **given)
        self._straight = transport

    @override
    async def send(self, request: Request, *, stream: bool = False, **how: Any) -> Response:
        """As AsyncClient's, which itself sends what is special: a stream, or with a name and password in the URL."""
        special = stream or self.is_closed or any(given is not USE_CLIENT_DEFAULT for given in how.values())
        if special or self.auth is not None or (request.url.userinfo and "Authorization" not in request.headers):
            sent = await super().send(request, stream=stream, **how)
            self.cookies.clear()  # whoever logs in says himself which go with a request
            return sent
        try:
            response = await self._straight.handle_async_request(request)
        except TransportError as error:
            error.request = request  # `reason` asks it for its deadline
            raise
        response.request = request
        try:
            await response.aread()
        except BaseException:
            await response.aclose()
            raise
        return response


def client(
    *,
    base_url: str | URL = "",
    timeout: float = 10.0,
    auth: Auth | tuple[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    verify: ssl.SSLContext | None = None,
    transport: AsyncBaseTransport | None = None,
    idle: float = _IDLE,
) -> AsyncClient:
    """A client for one service. `timeout` is in seconds, for each phase (connect, read, write, a free connection).

    A connection is used again within `idle` seconds; less than its server waits, or a request meets its closing.

    Proxies and credentials from the environment are not used, and redirects are not followed: a password goes where
    the configuration says and nowhere else.
    """
    if isinstance(auth, tuple):
        headers, auth = {**(headers or {}), "Authorization": _basic(*auth)}, None
    limits = Limits(max_connections=8, max_keepalive_connections=4, keepalive_expiry=idle)
    transport = transport or AsyncHTTPTransport(verify=verify or trusted(), limits=limits, trust_env=False)
    return _Straight(transport, base_url=base_url, timeout=timeout, auth=auth, headers=headers)


def _basic(username: str, password: str) -> str:
    return f"Basic {b64encode(f'{username}:{password}'.encode()).decode()}"


def unavailable(error: Exception, *, changes: bool = False) -> ClientUnavailable:
    """`raise unavailable(error) from error`: the reason in plain words, without URL, header or body.

    `changes` says that the request was to change something: without a connection it never left.
    """
    return ClientUnavailable(reason(error), unsent=changes and isinstance(error, _NO_CONNECTION))


def reason(error: BaseException) -> str:
    """Why a request got no answer, for httpx's and httpcore's errors alike, as in "timed out after 10 s"."""
    name = type(error).__name__
    if name == PoolTimeout.__name__:
        return "too many requests at once; no connection became free"
    if name == ConnectTimeout.__name__:
        return f"no connection{_within(error, 'connect', ' within')}"
    if isinstance(error, TimeoutError) or name.endswith(("Timeout", "TimeoutException")):
        return f"timed out{_within(error, 'read', ' after')}"
    for cause in _causes(error):
        words = _os_words(cause)
        if words is not None:
            return words
    if name in ("ReadError", "WriteError", "CloseError"):
        return "the connection was cut"
    if name == "RemoteProtocolError":
        return "the connection was cut, or the answer is not HTTP"
    return f"the request failed ({name})"


def _within(error: BaseException, phase: str, preposition: str) -> str:
    request = getattr(error, "_request", None)
    seconds = request.extensions.get("timeout", {}).get(phase) if isinstance(request, Request) else None
    return f"{preposition} {seconds:g} s" if seconds is not None else " in time"


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and what led to it, nearest first; the operating system's word is at the bottom, maybe in a group."""
    yield error
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _causes(inner)
    cause = error.__cause__ or error.__context__
    if cause is not None:
        yield from _causes(cause)


def _os_words(error: BaseException) -> str | None:
    if isinstance(error, PinMismatch):
        return f"its TLS certificate is not the pinned one but {error.found}; if that is right, set tls.pin to it"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the TLS certificate is not trusted: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return "TLS failed; does this port speak https?"
    if isinstance(error, socket.gaierror):
        return "the host name is not known"
    if isinstance(error, OSError) and error.errno is not None:
        return _WORDS.get(error.errno)
    return None
