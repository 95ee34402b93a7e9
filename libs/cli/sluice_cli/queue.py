"""The verb `queue`: a page of the queue, or the queue followed live."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from typing import Annotated, Any

import msgspec
import typer
from rich.live import Live
from rich.text import Text

from sluice_cli import matching, tables
from sluice_cli.api import Api, Params, StreamEnded
from sluice_cli.run import Json, Limit, console, print_raw, show, talk
from sluice_cli.sse import Message
from sluice_cli.watched import Watched
from sluice_cli.words import clean, share

_RETRY = 2.0


def queue(
    ctx: typer.Context,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Follow it live until Ctrl-C.")] = False,
    client: Annotated[str | None, typer.Option(help="Only this client's downloads.")] = None,
    state: Annotated[str | None, typer.Option(help="Only this state: downloading, seeding, paused, …")] = None,
    health: Annotated[str | None, typer.Option(help="Only this health: ok, warning, error.")] = None,
    category: Annotated[str | None, typer.Option(help="Only this category.")] = None,
    search: Annotated[str | None, typer.Option(help="Only names that contain this.")] = None,
    sort: Annotated[str, typer.Option(help="name, added, size, progress, …; -added is newest first.")] = "name",
    limit: Limit = 100,
    json: Json = False,
) -> None:
    """Show every client's downloads in one list.

    With --watch --json, every line is one event's data: first the view, then what changed.
    """
    filters = {"client": client, "state": state, "health": health, "category": category, "search": search}
    params: Params = {**filters, "sort": sort, "limit": limit}

    async def work(api: Api) -> None:
        if watch:
            await _watch(api, params, json, matching.told(filters))
        else:
            answer = await api.get("/queue", params)
            empty = None if answer.document["items"] else await matching.nothing(api, "/queue", filters, "downloads")
            show(answer, json, lambda document: tables.queue(document, empty))

    talk(ctx, work)


async def _watch(api: Api, params: Params, as_json: bool, filters: str) -> None:
    messages = followed(api, params)
    if as_json:
        async for message in messages:
            print_raw(message.data.encode())
    elif sys.stdout.isatty():
        await _redraw(messages, f"No downloads match {filters} now." if filters else None)
    else:
        await _lines(messages)


async def followed(api: Api, params: Params) -> AsyncIterator[Message]:
    """The stream, connected anew whenever it is cut. The first connection must work, so that a wrong URL is told."""
    await api.get("/queue", {**params, "limit": 1})
    while True:
        try:
            async for message in api.follow("/queue/events", params):
                yield message
        except StreamEnded as end:
            sys.stderr.write(f"sluice: {end}; connecting again\n")
        await asyncio.sleep(_RETRY)


async def _redraw(messages: AsyncIterator[Message], empty: str | None) -> None:
    watched = Watched()
    with Live(Text("waiting for the queue …"), console=console(), refresh_per_second=4, screen=True) as live:
        async for message in messages:
            watched.take(message.event, msgspec.json.decode(message.data))
            live.update(tables.queue(watched.document, empty))


async def _lines(messages: AsyncIterator[Message]) -> None:
    """Into a pipe: a line for every row that is new or changed, and for every one that left."""
    watched = Watched()
    async for message in messages:
        document: dict[str, Any] = msgspec.json.decode(message.data)
        watched.take(message.event, document)
        for row in document.get("items", document.get("upserts", ())):
            print(tables.where(row), clean(row["state"]), share(row["progress"]), clean(row["name"]), flush=True)
        for client, download_id in document.get("removed", ()):
            print(f"{client}/{clean(download_id)} left", flush=True)
