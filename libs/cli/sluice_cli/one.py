"""The verbs that show one download whole: show, files."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
import typer

from sluice_cli import run, sheet
from sluice_cli.api import Answer, Api
from sluice_cli.failure import Refused
from sluice_cli.run import Json, Limit, talk
from sluice_cli.which import Which, find_or_fail

Id = Annotated[
    str, typer.Argument(metavar="ID", help="The id, its unique beginning, or CLIENT/ID; see `sluice queue`.")
]
Document = dict[str, Any]


def show(ctx: typer.Context, download: Id, json: Json = False) -> None:
    """Show everything that is known of one download.

    Its limits and trackers are asked of its client now; `sluice files` shows its files.
    """

    async def work(api: Api) -> None:
        which = await find_or_fail(api, download)
        row = (await api.get(which.path)).document
        document = {**row, "settings": None, "settings_problem": None}
        try:
            document["settings"] = (await api.get(f"{which.path}/settings")).document
        except Refused as refused:
            document["settings_problem"] = str(refused)
        run.show(Answer(msgspec.json.encode(document), document), json, sheet.download)

    talk(ctx, work)


def files(
    ctx: typer.Context,
    download: Id,
    start: Annotated[int, typer.Option(min=0, help="From which file number on.")] = 0,
    limit: Limit = 100,
    json: Json = False,
) -> None:
    """Show a download's files, with the numbers that `sluice choose` takes.

    --json prints a page as the API cuts it; its `next` is the --start of the rest.
    """

    async def work(api: Api) -> None:
        which = await find_or_fail(api, download)
        page = await api.get(f"{which.path}/files", {"start": start})
        run.show(page, json, lambda document: sheet.files(document, start, limit))

    talk(ctx, work)


async def every_file(api: Api, which: Which) -> list[Document]:
    """All files of a download, page after page."""
    found: list[Document] = []
    start: int | None = 0
    while start is not None:
        page = (await api.get(f"{which.path}/files", {"start": start})).document
        found.extend(page["items"])
        start = page.get("next")
    return found
