"""Clients are made in one place, and their errors are words that a person may see."""

from __future__ import annotations

import ast
import socket
import ssl
from base64 import b64encode
from pathlib import Path

import httpx
import pytest

from sluice_common.kit.errors import ClientUnavailable
from sluice_common.net import http

ROOT = Path(__file__).parents[4]
SECRET_URL = "http://bob:hunter2@host/api?apikey=hunter2"


def _request() -> httpx.Request:
    return httpx.Request("GET", SECRET_URL, extensions={"timeout": {"connect": 5.0, "read": 10.0}})


def _basic(username: str, password: str) -> str:
    return "Basic " + b64encode(f"{username}:{password}".encode()).decode()


def _caused(error: Exception, cause: BaseException) -> Exception:
    error.__cause__ = cause
    return error


def _certificate_error() -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_message = "self-signed certificate"
    return error


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (httpx.ReadTimeout("x", request=_request()), "timed out after 10 s"),
        (httpx.ConnectTimeout("x", request=_request()), "no connection within 5 s"),
        (httpx.ReadTimeout("x"), "timed out"),
        (httpx.PoolTimeout("x"), "too many requests"),
        (_caused(httpx.ConnectError(SECRET_URL), ConnectionRefusedError(111, "refused")), "connection refused"),
        (
            _caused(httpx.ConnectError("x"), ExceptionGroup("all", [ConnectionRefusedError(111, "refused")])),
            "connection refused",
        ),
        (_caused(httpx.ConnectError("x"), socket.gaierror(-2, "Name or service not known")), "host name is not known"),
        (_caused(httpx.ConnectError("x"), _certificate_error()), "not trusted: self-signed certificate"),
        (_caused(httpx.ConnectError("x"), ssl.SSLError(1, "WRONG_VERSION_NUMBER")), "does this port speak https?"),
        (httpx.RemoteProtocolError(SECRET_URL), "the connection was cut, or the answer is not HTTP"),
        (httpx.ReadError(SECRET_URL), "the connection was cut"),
        (httpx.UnsupportedProtocol(SECRET_URL), "the request failed (UnsupportedProtocol)"),
    ],
)
def test_an_error_becomes_words_without_secrets(error: Exception, words: str) -> None:
    """A person reads why a client cannot be reached, and never a URL, which may hold a password."""
    found = http.unavailable(error)
    assert isinstance(found, ClientUnavailable)
    assert words in str(found)
    assert "hunter2" not in str(found)


async def test_a_client_uses_no_proxy_and_follows_no_redirect(monkeypatch: pytest.MonkeyPatch) -> None:
    """A password goes where the configuration says: not through the environment's proxy, not after a redirect."""
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.example:3128")

    def answer(request: httpx.Request) -> httpx.Response:
        assert request.headers["authorization"]
        return httpx.Response(302, headers={"location": "http://elsewhere/"})

    async with http.client(base_url="http://host", auth=("a", "b"), transport=httpx.MockTransport(answer)) as client:
        assert client.trust_env is False
        assert (await client.get("/x")).status_code == 302


async def test_a_request_goes_with_the_password_that_is_meant_for_it() -> None:
    """The configured one, else what stands in the URL; no request has both, and a repr has neither."""
    seen: list[str | None] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers.get("authorization"))
        return httpx.Response(200, headers={"set-cookie": "sid=1"})

    transport = httpx.MockTransport(answer)
    async with http.client(auth=("bob", "hünter2"), transport=transport) as client:
        await client.get("http://host/x")
        await client.post("http://eve:other@host/x", content=b"{}")
        assert "Basic" not in repr(client.headers)
    async with http.client(base_url="http://eve:other@host", transport=transport) as client:
        await client.get("/x")
    async with http.client(base_url="http://host", transport=transport) as client:
        await client.get("/x")
    assert seen == [_basic("bob", "hünter2")] * 2 + [_basic("eve", "other"), None]


@pytest.mark.parametrize("base_url", ["http://host", "http://bob:hunter2@host"])
async def test_cookies_are_whose_they_are(base_url: str) -> None:
    """A client keeps no cookies of its own: whoever logs in says which go with a request."""
    seen: list[str | None] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers.get("cookie"))
        return httpx.Response(200, headers={"set-cookie": "sid=1"})

    async with http.client(base_url=base_url, transport=httpx.MockTransport(answer)) as client:
        for headers in (None, {"Cookie": "sid=2"}, None):
            assert (await client.get("/x", headers=headers)).headers["set-cookie"] == "sid=1"
    assert seen == [None, "sid=2", None]


async def test_a_timeout_says_after_how_long() -> None:
    """The request's own deadline, not its client's."""

    def answer(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout("slow")

    async with http.client(base_url="http://host", timeout=5, transport=httpx.MockTransport(answer)) as client:
        with pytest.raises(http.TransportError) as caught:
            await client.get("/x", timeout=60)
    assert http.reason(caught.value) == "timed out after 60 s"


async def test_a_damaged_reply_is_an_error_that_has_its_request() -> None:
    """What cannot be unpacked is told as such, and a closed client sends nothing."""

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, headers={"content-encoding": "gzip"}, stream=httpx.ByteStream(b"not gzip"))

    client = http.client(base_url="http://host", transport=httpx.MockTransport(answer))
    with pytest.raises(http.DecodingError) as caught:
        await client.get("/x")
    assert caught.value.request.url.path == "/x"
    await client.aclose()
    with pytest.raises(RuntimeError, match="closed"):
        await client.get("/x")


def test_nothing_else_imports_httpx() -> None:
    """`net/http.py` is the only module of the product that imports httpx."""
    modules = [path for part in ("libs", "services") for path in (ROOT / part).rglob("*.py")]
    assert len(modules) > 10
    found = {path.relative_to(ROOT).as_posix() for path in modules if "httpx" in _imported(path)}
    assert found == {"libs/common/sluice_common/net/http.py"}


def _imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.partition(".")[0])
    return names
