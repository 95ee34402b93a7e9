"""The gateway's API as the verbs need it: bytes and documents out, refusals as one sentence. The only HTTP here."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote

import msgspec

from sluice_cli.failure import START, Failure, Refused, Unreachable
from sluice_cli.sse import Message, Parser
from sluice_cli.target import Target
from sluice_common.kit.urls import public
from sluice_common.net.http import AsyncClient, InvalidURL, Response, TransportError, client, reason

# A command waits for its client, and an add for a web page: longer than the gateway's own deadlines.
TIMEOUT = 90.0

Document = dict[str, Any]
Params = Mapping[str, str | int | bool | None]


class Answer(msgspec.Struct, frozen=True):
    """What the gateway said: the JSON as it came, and read."""

    raw: bytes
    document: Document


class StreamEnded(Exception):
    """The stream was cut; connect again."""


class Api:
    """Calls to one gateway. Raises Failure with the gateway's own words, Unreachable when nobody answers."""

    def __init__(self, http: AsyncClient, target: Target) -> None:
        self._http = http
        self._target = target

    async def get(self, path: str, params: Params | None = None) -> Answer:
        """The document at `/api/v1<path>`; parameters that are None are left out."""
        return await self.call("GET", path, params=params)

    async def call(self, method: str, path: str, *, params: Params | None = None, body: object = None) -> Answer:
        """Any method; `body` is sent as JSON."""
        content = msgspec.json.encode(body) if body is not None else None
        return await self._call(method, path, params, content, "application/json")

    async def send(self, path: str, kind: str, content: bytes, params: Params | None = None) -> Answer:
        """POST what is written already, of this media type."""
        return await self._call("POST", path, params, content, kind)

    async def _call(self, method: str, path: str, params: Params | None, content: bytes | None, kind: str) -> Answer:
        headers = {"Content-Type": kind} if content else {}
        try:
            response = await self._http.request(
                method, f"/api/v1{path}", params=_present(params), content=content, headers=headers
            )
        except (TransportError, InvalidURL) as error:
            raise self._unreachable(error) from None
        return Answer(response.content, self._document(response))

    async def follow(self, path: str, params: Params) -> AsyncGenerator[Message, None]:
        """Server-sent events until the stream is cut, which raises StreamEnded."""
        parser = Parser()
        try:
            async with self._http.stream("GET", f"/api/v1{path}", params=_present(params)) as response:
                if response.status_code != 200:
                    await response.aread()
                    self._document(response)
                async for chunk in response.aiter_bytes():
                    for message in parser.feed(chunk):
                        yield message
        except (TransportError, InvalidURL) as error:
            raise StreamEnded(reason(error)) from None
        raise StreamEnded("the gateway ended the stream")

    def _unreachable(self, error: Exception) -> Unreachable:
        return Unreachable(f"cannot reach Sluice at {public(self._target.url)}: {reason(error)}; {START}")

    def _document(self, response: Response) -> Document:
        try:
            document: Document = msgspec.json.decode(response.content, type=dict[str, Any])
        except (msgspec.MsgspecError, UnicodeDecodeError):
            document = {}
        if 200 <= response.status_code < 300 and document:
            return document
        if "code" not in document:
            who = public(self._target.url)
            what = f"{who} answered HTTP {response.status_code}, but not as Sluice does; is the URL right?"
            raise Failure(what)
        raise Refused(_sentence(document), document)


def _sentence(problem: Document) -> str:
    advice = "; give --key-file or set SLUICE_API_KEY" if problem.get("status") == 401 else ""
    return f"{problem.get('detail') or problem['code']}{advice} ({problem['code']})"


def _present(params: Params | None) -> dict[str, str | int | bool]:
    return {name: value for name, value in (params or {}).items() if value is not None}


def segment(text: str) -> str:
    """A name as one part of a path."""
    return quote(text, safe="")


@asynccontextmanager
async def connected(target: Target) -> AsyncIterator[Api]:
    """An Api for the length of the block. Nothing is sent yet."""
    headers = {"X-API-Key": target.key} if target.key else {}
    async with client(base_url=target.url, timeout=TIMEOUT, headers=headers) as http:
        yield Api(http, target)
