"""The verbs about a client as a whole: pause-all, resume-all, limits."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.text import Text

from sluice_cli.api import Answer, Api, segment
from sluice_cli.failure import WrongUsage
from sluice_cli.run import Json, show, talk
from sluice_cli.values import rate
from sluice_cli.words import speed

Client = Annotated[str, typer.Argument(metavar="CLIENT", help="The client's name; see `sluice clients`.")]


def pause_all(ctx: typer.Context, client: Client, json: Json = False) -> None:
    """Pause everything in a client."""
    _steer(ctx, client, {"kind": "pause_all"}, "everything is paused", json)


def resume_all(ctx: typer.Context, client: Client, json: Json = False) -> None:
    """Let everything in a client go on."""
    _steer(ctx, client, {"kind": "resume_all"}, "everything goes on", json)


def limits(
    ctx: typer.Context,
    client: Client,
    download: Annotated[str | None, typer.Option(help="Bytes per second: 500000, 512K, 2M; 0 lifts it.")] = None,
    upload: Annotated[str | None, typer.Option(help="Likewise.")] = None,
    alternative: Annotated[
        bool | None, typer.Option("--alternative/--no-alternative", help="The client's alternative speed limits.")
    ] = None,
    json: Json = False,
) -> None:
    """Show what limits a client as a whole, or change it.

    --download and --upload change the ordinary limits, also while the alternative ones are in force.
    """
    change = {name: rate(text) for name, text in (("download", download), ("upload", upload)) if text is not None}
    if change and alternative is not None:
        raise WrongUsage("change the limits or switch to the alternative ones, one after the other")

    async def work(api: Api) -> None:
        if change:
            await _send(api, client, {"kind": "global_limits", **change})
        elif alternative is not None:
            await _send(api, client, {"kind": "alternative_limits", "on": alternative})
        show(await api.get(f"/clients/{segment(client)}/limits"), json, lambda document: _limits(client, document))

    talk(ctx, work)


def _limits(client: str, document: dict[str, Any]) -> Text:
    on = document.get("alternative")
    ordinary = ", ".join(
        f"{word} {_limit(document.get(name))}" for word, name in (("down", "download"), ("up", "upload"))
    )
    if on:
        return Text(f"{client}: its alternative limits are in force; those that rest meanwhile: {ordinary}")
    alternative = "it has no alternative limits" if on is None else "alternative limits off"
    return Text(f"{client}: {ordinary}, {alternative}")


def _limit(value: int | None) -> str:
    return "unlimited" if value is None else speed(value)


def _steer(ctx: typer.Context, client: str, control: dict[str, Any], done: str, as_json: bool) -> None:
    async def work(api: Api) -> None:
        show(await _send(api, client, control), as_json, lambda _: Text(f"{client}: {done}"))

    talk(ctx, work)


async def _send(api: Api, client: str, control: dict[str, Any]) -> Answer:
    return await api.call("POST", f"/clients/{segment(client)}/control", body=control)
