"""One action on the downloads that were named: the single command for one, a bulk with a line for each for several."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import typer
from rich.console import RenderableType
from rich.text import Text

from sluice_cli import tables
from sluice_cli.api import Answer, Api
from sluice_cli.failure import Failure
from sluice_cli.run import show, talk
from sluice_cli.which import Which, find_each
from sluice_cli.words import NOTHING, clean

Ids = Annotated[
    list[str],
    typer.Argument(metavar="ID...", help="Ids, their unique beginnings, or CLIENT/ID; see `sluice queue`."),
]
Document = dict[str, Any]


def act(ctx: typer.Context, ids: Sequence[str], action: str, done: str, as_json: bool) -> None:
    """Pause, resume, recheck or retry."""

    async def work(api: Api) -> None:
        found = await find_each(api, ids)
        if len(found) == 1:
            show(await api.call("POST", f"{found[0].path}/{action}"), as_json, outcome(done))
        else:
            await bulk(api, found, {"action": action}, done, as_json)

    talk(ctx, work)


def edit(ctx: typer.Context, ids: Sequence[str], change: Document, done: str, as_json: bool) -> None:
    """One of the API's edits."""

    async def work(api: Api) -> None:
        found = await find_each(api, ids)
        if len(found) == 1:
            show(await api.call("POST", f"{found[0].path}/edit", body=change), as_json, outcome(done))
        else:
            await bulk(api, found, {"action": "edit", "edit": change}, done, as_json)

    talk(ctx, work)


async def bulk(api: Api, found: Sequence[Which], action: Document, done: str, as_json: bool) -> None:
    """A line for each; raises Failure where one of them failed."""
    items = [{"client": which.client, "id": which.id} for which in found]
    answer: Answer = await api.call("POST", "/downloads/bulk", body={**action, "items": items})
    names = {(which.client, which.id): which.name for which in found}
    show(answer, as_json, lambda document: _lines(document, names, done))
    failed = answer.document["failed"]
    if failed:
        raise Failure(f"{failed} of {len(items)} failed")


def _lines(document: Document, names: dict[tuple[str, str], str], done: str) -> RenderableType:
    lines = []
    for item in document["items"]:
        name = clean(names.get((item["client"], item["id"]))) or NOTHING
        problem, note = item.get("problem"), item.get("note")
        if problem:
            lines.append(f"! {name} ({tables.where(item)}): {clean(problem['detail'])} ({clean(problem['code'])})")
        else:
            lines.append(f"{done}: {name} ({tables.where(item)})" + (f"; {clean(note)}" if note else ""))
    return Text("\n".join(lines))


def outcome(done: str) -> Any:
    """A row, or an outcome whose row is gone or not shown yet."""

    def render(document: Document) -> RenderableType:
        row = document if "name" in document else document.get("download")
        text = Text(f"{done}: ")
        text = text.append_text(tables.download(row)) if row else text.append(tables.where(document))
        note = document.get("note")
        return text.append(f"\n! {clean(note)}") if note else text

    return render
