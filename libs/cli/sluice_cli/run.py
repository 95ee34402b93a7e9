"""What every verb shares: its options, a connection, printing. No verb is here."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import typer
from rich.console import Console, RenderableType
from rich.text import Text

from sluice_cli.api import Answer, Api, connected
from sluice_cli.target import Given, find

Json = Annotated[bool, typer.Option("--json", help="Print the API's JSON as it came, instead of words.")]
Limit = Annotated[int, typer.Option(min=1, max=500, help="How many rows at most.")]

# Piped output is not cut to a terminal's width.
_PIPED_WIDTH = 1000


def console() -> Console:
    """Where results go: the terminal, or a pipe."""
    width = None if sys.stdout.isatty() else _PIPED_WIDTH
    return Console(width=width, highlight=False, markup=False, emoji=False, soft_wrap=False)


def talk(ctx: typer.Context, work: Callable[[Api], Awaitable[None]]) -> None:
    """Run `work` with a connection to the gateway that the options name."""

    async def connect_and_work() -> None:
        given: Given = ctx.obj
        async with connected(find(given)) as api:
            await work(api)

    asyncio.run(connect_and_work())


def show(answer: Answer, as_json: bool, render: Callable[[dict[str, Any]], RenderableType]) -> None:
    """The answer as it came, or as words."""
    if as_json:
        print_raw(answer.raw)
    else:
        console().print(render(answer.document))


def print_raw(raw: bytes) -> None:
    """JSON verbatim, and the end of a line."""
    sys.stdout.write(raw.decode() + "\n")
    sys.stdout.flush()


def or_empty(empty: str | None, render: Callable[[dict[str, Any]], RenderableType]) -> Any:
    """What is shown instead, where a filter lets nothing through."""
    return render if empty is None else lambda _: Text(empty)
