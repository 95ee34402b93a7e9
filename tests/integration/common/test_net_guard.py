"""The guard against real servers on loopback, which every test has to allow first."""

from __future__ import annotations

import asyncio
import gzip
import socket
import tracemalloc
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from sluice_common.kit.errors import Problem
from sluice_common.net.guard import Fetched, Resolve, fetch

LOOPBACK = ("127.0.0.0/8",)
Answer = Callable[[str], bytes | Awaitable[bytes]]


def reply(body: bytes = b"", status: str = "200 OK", **headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def redirect(location: str) -> bytes:
    return reply(status="302 Found", Location=location)


@asynccontextmanager
async def serving(answer: Answer) -> AsyncIterator[Server]:
    """A server on 127.0.0.1 that answers each request's path with the bytes of `answer(path)`."""
    server = Server(answer)
    listening = await asyncio.start_server(server.handle, "127.0.0.1", 0)
    server.port = listening.sockets[0].getsockname()[1]
    async with listening:
        yield server


class Server:
    """What was asked of it, and where it is."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self.port = 0
        self.paths: list[str] = []
        self.heads: list[str] = []

    def url(self, path: str = "/", host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.port}{path}"

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            path = head.split(" ")[1]
            self.heads.append(head)
            self.paths.append(path)
            answer = self._answer(path)
            writer.write(answer if isinstance(answer, bytes) else await answer)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client had enough
        finally:
            writer.close()


async def get(
    url: str,
    *,
    allow: tuple[str, ...] = LOOPBACK,
    limit: int = 1000,
    within: float = 10,
    resolve: Resolve | None = None,
) -> Fetched:
    return await fetch(url, allow=allow, limit=limit, timeout=within, resolve=resolve)


async def refused(url: str, code: str, **options: object) -> Problem:
    """The problem with this code that fetching `url` raises."""
    with pytest.raises(Problem) as found:
        await get(url, **options)  # type: ignore[arg-type]
    assert found.value.code == code
    return found.value


async def test_an_allowed_url_is_fetched() -> None:
    """The body, its type and the final host come back; no packing is asked for, and no credential is sent."""
    async with serving(lambda _: reply(b"d8:announce", Content_Type="application/x-bittorrent")) as server:
        got = await get(server.url("/a?b=c#d"))
    assert got == Fetched(b"d8:announce", "application/x-bittorrent", "127.0.0.1")
    assert server.paths == ["/a?b=c"]
    assert "Accept-Encoding: identity" in server.heads[0]
    assert "authorization" not in server.heads[0].lower()


async def test_a_private_address_is_refused_with_the_line_that_allows_it() -> None:
    """Nothing is sent to an address that is not allowed, and the refusal says exactly what to write to allow it."""
    async with serving(lambda _: reply(b"x")) as server:
        problem = await refused(server.url(), "url_refused", allow=())
        assert problem.status == 403
        assert 'fetch: {allow: ["127.0.0.1"]}' in problem.detail
        assert server.paths == []


@pytest.mark.parametrize("host", ["127.1", "2130706433", "0x7f000001", "0177.0.0.1", "localhost", "127.0.0.1."])
async def test_no_other_spelling_of_a_private_address_passes(host: str) -> None:
    """However an address is written, what it resolves to is what is checked."""
    async with serving(lambda _: reply(b"x")) as server:
        with pytest.raises(Problem) as found:
            await get(server.url(host=host), allow=())
        assert found.value.code in ("url_refused", "url_invalid", "url_failed")
        assert server.paths == []


@pytest.mark.parametrize("host", ["[::ffff:127.0.0.1]", "[::1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "[::]"])
async def test_no_tunnel_to_a_private_address_passes(host: str) -> None:
    """An IPv4 address inside an IPv6 one is refused before anything is connected."""
    await refused(f"http://{host}:9/", "url_refused", allow=())


async def test_every_redirect_is_checked_again() -> None:
    """A public server cannot send us into the private network."""
    async with serving(lambda _: redirect("http://10.0.0.5/admin?key=1")) as server:
        problem = await refused(server.url(), "url_refused")
    assert 'fetch: {allow: ["10.0.0.5"]}' in problem.detail
    assert "key" not in problem.detail


@pytest.mark.parametrize("location", ["file:///etc/passwd", "ftp://127.0.0.1/", "http://u:p@127.0.0.1/", "", "//"])
async def test_a_redirect_to_something_else_is_refused(location: str) -> None:
    """Only plain http and https are followed."""
    async with serving(lambda _: redirect(location) if len(server.paths) < 3 else redirect("ftp://x/")) as server:
        await refused(server.url("/start"), "url_refused")


async def test_relative_redirects_are_followed_and_bounded() -> None:
    """Five redirects are followed, the sixth is one too many."""
    answers = {f"/{n}": redirect(f"{n + 1}") for n in range(7)} | {"/5": reply(b"end")}
    async with serving(lambda path: answers[path]) as server:
        assert (await get(server.url("/0"))).body == b"end"
    answers["/5"] = redirect("6")
    async with serving(lambda path: answers[path]) as server:
        await refused(server.url("/0"), "url_failed")
        assert server.paths[-1] == "/5"


async def test_a_redirect_to_a_magnet_is_an_answer() -> None:
    """Indexers redirect a download link to a magnet: that is what the link stands for."""
    async with serving(lambda _: redirect("magnet:?xt=urn:btih:abc")) as server:
        assert (await get(server.url())).magnet == "magnet:?xt=urn:btih:abc"


async def test_what_was_checked_is_what_is_connected() -> None:
    """A name that resolves to something else the second time is connected at the address that was checked, and asked
    once per connection."""
    asked: list[str] = []

    async def rebinding(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["10.0.0.5"]

    async with serving(lambda _: reply(b"x")) as server:
        assert (await get(server.url(host="rebind.example"), resolve=rebinding)).body == b"x"
        assert asked == ["rebind.example"]
        await refused(server.url(host="rebind.example"), "url_refused", resolve=rebinding)
    assert "Host: rebind.example:" in server.heads[0]


async def test_one_private_address_among_several_refuses_the_name() -> None:
    """A name with a public and a private address is refused whole, whichever comes first."""

    async def mixed(host: str, port: int) -> list[str]:
        return ["127.0.0.1", "10.0.0.5"]

    async with serving(lambda _: reply(b"x")) as server:
        await refused(server.url(host="mixed.example"), "url_refused", resolve=mixed)
        assert server.paths == []


async def test_an_allowed_name_may_have_a_private_address() -> None:
    """Naming an indexer on the own network in the configuration is enough."""

    async def private(host: str, port: int) -> list[str]:
        return ["127.0.0.1"]

    async with serving(lambda _: reply(b"x")) as server:
        url = server.url(host="prowlarr")
        assert (await get(url, allow=("prowlarr",), resolve=private)).body == b"x"
        await refused(url, "url_refused", allow=("sonarr",), resolve=private)


async def test_a_dead_address_does_not_hide_a_live_one() -> None:
    """When a name's first address refuses connections, the next one is tried."""

    async def two(host: str, port: int) -> list[str]:
        return ["127.0.0.9", "127.0.0.1"]

    async with serving(lambda _: reply(b"x")) as server:
        assert (await get(server.url(host="two.example"), resolve=two)).body == b"x"


@pytest.mark.parametrize("declared", [True, False])
async def test_a_body_over_the_limit_is_refused(declared: bool) -> None:
    """No more than the limit is kept, whether the server tells the size or not; exactly the limit is fine."""

    def answer(path: str) -> bytes:
        body = b"x" * int(path[1:])
        return reply(body) if declared else b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + body

    async with serving(answer) as server:
        assert len((await get(server.url("/1000"))).body) == 1000
        assert (await refused(server.url("/1001"), "url_too_large")).status == 413


@pytest.mark.parametrize(("encoding", "pack"), [("gzip", gzip.compress), ("deflate", zlib.compress)])
async def test_a_bomb_is_not_unpacked(encoding: str, pack: Callable[[bytes], bytes]) -> None:
    """A small answer that unpacks to hundreds of megabytes is refused; one within the limit is unpacked."""
    bomb = pack(bytes(200_000_000))
    assert len(bomb) < 250_000
    answers = {
        "/bomb": reply(bomb, Content_Encoding=encoding),
        "/ok": reply(pack(b"torrent"), Content_Encoding=encoding),
    }
    async with serving(lambda path: answers[path]) as server:
        assert (await get(server.url("/ok"))).body == b"torrent"
        tracemalloc.start()
        await refused(server.url("/bomb"), "url_too_large", limit=300_000)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 10_000_000


@pytest.mark.parametrize(
    "answer",
    [
        reply(b"gone", status="404 Not Found"),
        reply(b"damaged", Content_Encoding="gzip"),
        reply(gzip.compress(b"cut off")[:-4], Content_Encoding="gzip"),
        reply(b"?", Content_Encoding="br"),
        b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nshort",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"",
    ],
)
async def test_an_answer_that_is_no_answer_is_a_failure(answer: bytes) -> None:
    """An error status, damaged packing, half a body or another protocol: refused, never handed on as content."""
    async with serving(lambda _: answer) as server:
        problem = await refused(server.url("/rss?apikey=hunter2"), "url_failed")
    assert problem.status == 502
    assert "hunter2" not in str(problem)


async def test_a_slow_server_costs_no_more_than_the_time_given() -> None:
    """Silence, and a body that drips, both end when the whole fetch's time is up."""
    done = asyncio.Event()

    async def never() -> bytes:
        await done.wait()
        return b""

    async with serving(lambda _: never()) as server:
        assert (await refused(server.url(), "url_timeout", within=0.2)).status == 504
        done.set()

    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n")
            for _ in range(900):
                writer.write(b".")
                await writer.drain()
                await asyncio.sleep(0.02)
        except ConnectionError:
            pass  # the client had enough
        finally:
            writer.close()

    async with await asyncio.start_server(drip, "127.0.0.1", 0) as listening:
        port = listening.sockets[0].getsockname()[1]
        await refused(f"http://127.0.0.1:{port}/", "url_timeout", within=0.3)


async def test_nobody_there_is_told_in_plain_words() -> None:
    """A refused connection and an unknown name are failures with their reason."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        problem = await refused(f"http://127.0.0.1:{unused.getsockname()[1]}/", "url_failed")
    assert problem.detail.endswith("connection refused")

    async def unknown(host: str, port: int) -> list[str]:
        raise socket.gaierror(-2, "Name or service not known")

    assert "not known" in (await refused("http://nowhere.example/", "url_failed", resolve=unknown)).detail


@pytest.mark.parametrize(
    "url",
    [
        "", "x", "ftp://host/", "file:///etc/passwd", "http://", "http:///path", "http://u:p@host/", "http://u@host/",
        "http://host:99999/", "http://host:0/", "http://ho st/", "http://[::1/", "magnet:?xt=urn:btih:abc",
        "http://host:-1/", "http://[fe80::1%25eth0]/", "http://a%00b/", "javascript:alert(1)",
        "//host/path", "http://" + "a" * 70 + ".example/",
    ],
)  # fmt: skip
async def test_what_is_not_a_plain_url_is_invalid(url: str) -> None:
    """Anything but http and https with a host and without credentials is refused before anything is resolved."""

    async def resolve(host: str, port: int) -> list[str]:
        host.encode("idna")  # as the system's resolver does
        return ["10.0.0.5"]

    problem = await refused(url, "url_invalid", resolve=resolve)
    assert "u:p" not in problem.detail
