"""The verbs that change downloads: add, pause, resume, recheck, retry, remove."""

from __future__ import annotations

import base64
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from sluice_cli import many, named, tables
from sluice_cli.api import Answer, Api
from sluice_cli.failure import Failure, Refused, WrongUsage
from sluice_cli.many import Ids
from sluice_cli.run import Json, show, talk
from sluice_cli.values import rate
from sluice_cli.which import find_each
from sluice_cli.words import NOTHING, clean

# What the gateway takes; said here too, so that a film given by mistake is not read into memory.
MAX_TORRENT_BYTES = 5 * 1024 * 1024


def add(
    ctx: typer.Context,
    source: Annotated[str, typer.Argument(help="A magnet link, an http(s) URL of a .torrent, or a .torrent file.")],
    client: Annotated[str | None, typer.Option(help="To which client; may be left out where there is one.")] = None,
    category: Annotated[str | None, typer.Option(help="The client's category (label); it decides who imports.")] = None,
    save_path: Annotated[
        str | None, typer.Option(help="Where the client saves it, as the client sees its disk.")
    ] = None,
    paused: Annotated[bool, typer.Option("--paused", help="Add it, but do not start it.")] = False,
    tag: Annotated[list[str] | None, typer.Option(help="A tag; may be repeated.")] = None,
    sequential: Annotated[bool, typer.Option("--sequential", help="Fetch the pieces in order.")] = False,
    first_last: Annotated[
        bool, typer.Option("--first-last", help="Fetch each file's first and last pieces first.")
    ] = False,
    download_limit: Annotated[str | None, typer.Option(help="Bytes per second: 500000, 512K, 2M.")] = None,
    upload_limit: Annotated[str | None, typer.Option(help="Likewise.")] = None,
    media: named.MediaOption = None,
    json: Json = False,
) -> None:
    """Add a download.

    A magnet link holds `&`: put it in quotes.
    """
    body: dict[str, Any] = {"client": client, "category": category, "save_path": save_path, "paused": paused}
    body |= {"sequential": sequential or None, "first_last": first_last or None, "tags": tag or None}
    body |= {"download_limit": rate(download_limit), "upload_limit": rate(upload_limit)}
    body |= source_fields(source)
    present: dict[str, Any] = {name: value for name, value in body.items() if value is not None}

    async def work(api: Api) -> None:
        if media is not None:
            present["media_item"] = (await named.find(api, media, named.MEDIA_ITEM)).id
        show(await _added(api, present), json, many.outcome("added"))

    talk(ctx, work)


async def _added(api: Api, body: dict[str, Any]) -> Answer:
    """The gateway's answer; of a download that is there already what it is, and how to look at it."""
    try:
        return await api.call("POST", "/downloads", body=body)
    except Refused as refused:
        row = refused.problem.get("download")
        if refused.problem.get("code") != "duplicate" or not isinstance(row, dict):
            raise
        client, name = row["client"], clean(row["name"])[:80] or clean(row["id"])
        look = f"`sluice queue --client {client}` shows it, `sluice history {tables.where(row)}` what happened to it"
        raise Failure(f"{client} already has {name!r} as {tables.where(row)}; {look} (duplicate)") from None


def source_fields(source: str) -> dict[str, str]:
    """The source as the API's fields. Raises WrongUsage for what is none, or cannot be read."""
    lower = source.strip().lower()
    if lower.startswith("magnet:"):
        return {"magnet": source.strip()}
    if lower.startswith(("http://", "https://")):
        return {"url": source.strip()}
    return {"torrent": base64.b64encode(_read(Path(source))).decode()}


def _read(path: Path) -> bytes:
    try:
        if not path.is_file():
            raise WrongUsage(f"{str(path)!r} is neither a magnet link, nor an http(s) URL, nor a file")
        if path.stat().st_size > MAX_TORRENT_BYTES:
            raise WrongUsage(f"{path} is too large for a .torrent (5 MiB); is it the right file?")
        return path.read_bytes()
    except (OSError, ValueError) as error:
        raise WrongUsage(f"cannot read {str(path)!r}: {getattr(error, 'strerror', None) or error}") from None


def pause(ctx: typer.Context, downloads: Ids, json: Json = False) -> None:
    """Pause downloads."""
    many.act(ctx, downloads, "pause", "paused", json)


def resume(ctx: typer.Context, downloads: Ids, json: Json = False) -> None:
    """Let paused downloads go on."""
    many.act(ctx, downloads, "resume", "resumed", json)


def recheck(ctx: typer.Context, downloads: Ids, json: Json = False) -> None:
    """Have the client check the data on its disk again."""
    many.act(ctx, downloads, "recheck", "being checked", json)


def retry(ctx: typer.Context, downloads: Ids, json: Json = False) -> None:
    """Take downloads out of their clients and add them again from their stored sources; what is on disk stays."""
    many.act(ctx, downloads, "retry", "added again", json)


def remove(
    ctx: typer.Context,
    downloads: Ids,
    data: Annotated[bool, typer.Option("--data", help="Also delete what was downloaded.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before data is deleted.")] = False,
    json: Json = False,
) -> None:
    """Take downloads out of their clients; data stays unless --data is given, which a terminal asks about."""
    what = "its data was deleted" if data else "its data was kept"

    async def work(api: Api) -> None:
        found = await find_each(api, downloads)
        told = [f"{clean(which.name) or NOTHING} ({which.client}/{clean(which.id)})" for which in found]
        if data and not yes and sys.stdin.isatty():
            which = told[0] if len(told) == 1 else f"these {len(told)}: {', '.join(told)}"
            _agree(f"Remove {which} and delete what {'it' if len(told) == 1 else 'they'} downloaded?")
        if len(found) > 1:
            await many.bulk(api, found, {"action": "remove", "data": data}, f"removed, {what}", json)
            return
        answer = await api.call("DELETE", found[0].path, params={"data": "true" if data else "false"})
        show(answer, json, lambda _: Text(f"removed {told[0]}; {what}"))

    talk(ctx, work)


def _agree(question: str) -> None:
    """Raise Failure unless somebody says yes."""
    if not typer.confirm(question, default=False, err=True):
        raise Failure("nothing was removed")
