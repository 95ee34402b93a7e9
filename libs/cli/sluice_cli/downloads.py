"""The verbs that change downloads: add, pause, resume, recheck, retry, remove."""

from __future__ import annotations

import base64
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import RenderableType
from rich.text import Text

from sluice_cli import named, tables
from sluice_cli.api import Answer, Api
from sluice_cli.failure import Failure, Refused, WrongUsage
from sluice_cli.run import Json, show, talk
from sluice_cli.which import find_or_fail
from sluice_cli.words import NOTHING, clean

# What the gateway takes; said here too, so that a film given by mistake is not read into memory.
MAX_TORRENT_BYTES = 5 * 1024 * 1024

Id = Annotated[
    str, typer.Argument(metavar="ID", help="The id, its unique beginning, or CLIENT/ID; see `sluice queue`.")
]


def add(
    ctx: typer.Context,
    source: Annotated[str, typer.Argument(help="A magnet link, an http(s) URL of a .torrent, or a .torrent file.")],
    client: Annotated[str | None, typer.Option(help="To which client; may be left out where there is one.")] = None,
    category: Annotated[str | None, typer.Option(help="The client's category (label); it decides who imports.")] = None,
    save_path: Annotated[
        str | None, typer.Option(help="Where the client saves it, as the client sees its disk.")
    ] = None,
    paused: Annotated[bool, typer.Option("--paused", help="Add it, but do not start it.")] = False,
    media: named.MediaOption = None,
    json: Json = False,
) -> None:
    """Add a download.

    A magnet link holds `&`: put it in quotes.
    """
    body = {"client": client, "category": category, "save_path": save_path, "paused": paused}
    body |= source_fields(source)
    present: dict[str, Any] = {name: value for name, value in body.items() if value is not None}

    async def work(api: Api) -> None:
        if media is not None:
            present["media_item"] = (await named.find(api, media, named.MEDIA_ITEM)).id
        show(await _added(api, present), json, _outcome("added"))

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


def pause(ctx: typer.Context, download: Id, json: Json = False) -> None:
    """Pause a download."""
    _act(ctx, download, "pause", "paused", json)


def resume(ctx: typer.Context, download: Id, json: Json = False) -> None:
    """Let a paused download go on."""
    _act(ctx, download, "resume", "resumed", json)


def recheck(ctx: typer.Context, download: Id, json: Json = False) -> None:
    """Have the client check the data on its disk again."""
    _act(ctx, download, "recheck", "being checked", json)


def retry(ctx: typer.Context, download: Id, json: Json = False) -> None:
    """Take a download out of its client and add it again from its stored source; what is on disk stays."""
    _act(ctx, download, "retry", "added again", json)


def remove(
    ctx: typer.Context,
    download: Id,
    data: Annotated[bool, typer.Option("--data", help="Also delete what it downloaded.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before data is deleted.")] = False,
    json: Json = False,
) -> None:
    """Take a download out of its client; its data stays unless --data is given, which a terminal asks about."""
    what = "its data was deleted" if data else "its data was kept"

    async def work(api: Api) -> None:
        which = await find_or_fail(api, download)
        told = f"{clean(which.name) or NOTHING} ({which.client}/{clean(which.id)})"
        if data and not yes and sys.stdin.isatty():
            _agree(f"Remove {told} and delete what it downloaded?")
        answer = await api.call("DELETE", which.path, params={"data": "true" if data else "false"})
        show(answer, json, lambda _: Text(f"removed {told}; {what}"))

    talk(ctx, work)


def _agree(question: str) -> None:
    """Raise Failure unless somebody says yes."""
    if not typer.confirm(question, default=False, err=True):
        raise Failure("nothing was removed")


def _act(ctx: typer.Context, download: str, verb: str, done: str, as_json: bool) -> None:
    async def work(api: Api) -> None:
        which = await find_or_fail(api, download)
        show(await api.call("POST", f"{which.path}/{verb}"), as_json, _outcome(done))

    talk(ctx, work)


def _outcome(done: str) -> Any:
    """A row, or an outcome whose row is gone or not shown yet."""

    def render(document: dict[str, Any]) -> RenderableType:
        row = document if "name" in document else document.get("download")
        text = Text(f"{done}: ")
        text = text.append_text(tables.download(row)) if row else text.append(tables.where(document))
        note = document.get("note")
        return text.append(f"\n! {clean(note)}") if note else text

    return render
