"""The verbs about what happened to downloads and where they went: clients, history, imports, libraries."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typing_extensions import override

from sluice_cli import matching, named, tables, timeline
from sluice_cli.api import Answer, Api, segment
from sluice_cli.failure import Failure, WrongUsage
from sluice_cli.run import Json, Limit, or_empty, show, talk
from sluice_cli.which import Which, find, split
from sluice_common.contracts.events import DATA
from sluice_common.contracts.library import ImportState

# An import is never without a state; `unknown` is one that a newer importer has.
STATES = tuple(state.value for state in ImportState if state not in (ImportState.NONE, ImportState.UNKNOWN))


def clients(ctx: typer.Context, json: Json = False) -> None:
    """Show the download clients: health, speed, free space."""

    async def work(api: Api) -> None:
        show(await api.get("/clients"), json, tables.clients)

    talk(ctx, work)


def history(
    ctx: typer.Context,
    download: Annotated[
        str | None, typer.Argument(metavar="[ID]", help="One download's timeline: its id, its beginning, or CLIENT/ID.")
    ] = None,
    client: Annotated[str | None, typer.Option(help="Only this client.")] = None,
    kind: Annotated[
        str | None, typer.Option("--type", help="Only this type: download.completed, or all of import.")
    ] = None,
    limit: Limit = 100,
    json: Json = False,
) -> None:
    """Show what happened, newest first; with ID one download's timeline, oldest first."""

    async def work(api: Api) -> None:
        if download is None:
            answer = await api.get("/history", {"client": client, "type": kind, "limit": limit})
        else:
            answer = await _timeline(api, download, limit)
        empty = None
        if not answer.document["items"]:
            _check_type(kind)
            await _check_client(api, client)
            filters = {"client": client, "type": kind}
            empty = await matching.nothing(api, "/history", filters, "events") if download is None else None
        show(answer, json, or_empty(empty, timeline.history))

    talk(ctx, work)


def _check_type(kind: str | None) -> None:
    """Of a type that nothing is recorded of: that there is one. Raises WrongUsage."""
    known = list(DATA)
    families = list(dict.fromkeys(each.partition(".")[0] for each in known))
    if kind is not None and kind not in (*known, *families):
        raise WrongUsage(f"--type: {kind!r} is no type; there are: {', '.join((*families, *known))}")


async def _check_client(api: Api, client: str | None) -> None:
    """Of a client that nothing is known of: that there is one, or was one. Raises WrongUsage."""
    if client is None:
        return
    names = [row["name"] for row in (await api.get("/clients")).document["items"]]
    if client not in names:
        there = ", ".join(names) or "none"
        raise WrongUsage(f"--client: no client {client!r} is configured or remembered; there are: {there}")


async def _timeline(api: Api, text: str, limit: int) -> Answer:
    """Of a download in the queue, or of one that left it: then the whole id is needed, and every client is asked."""
    found = await find(api, text)
    if found is not None:
        return await api.get(f"{found.path}/history", {"limit": limit})
    client, download_id = split(text)
    names = [client] if client else [row["name"] for row in (await api.get("/clients")).document["items"]]
    for name in names:
        answer = await api.get(f"{Which(name, download_id).path}/history", {"limit": limit})
        if answer.document["items"]:
            return answer
    raise Failure(f"nothing is recorded of {text!r}; of a download that left the queue, give the whole id")


class _OrShow(TyperGroup):
    """A word that is no sub-command is the id of what to show: `imports 17` is `imports show 17`."""

    @override
    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        known = args[0] in self.commands or args[0].startswith("-")
        return super().resolve_command(ctx, args if known else ["show", *args])


imports = typer.Typer(cls=_OrShow, invoke_without_command=True, help="Show imports: all, or one with its files.")


@imports.callback()
def list_imports(
    ctx: typer.Context,
    client: Annotated[str | None, typer.Option(help="Only this client's.")] = None,
    state: Annotated[str | None, typer.Option(help=f"Only this state: {', '.join(STATES)}.")] = None,
    limit: Limit = 100,
    json: Json = False,
) -> None:
    """Show imports. `sluice imports ID` shows one with its files."""
    if ctx.invoked_subcommand is not None:
        return

    async def work(api: Api) -> None:
        if state is not None and state not in STATES:
            raise WrongUsage(f"--state: {state!r} is no state; there are: {', '.join(STATES)}")
        params = {"client": client, "state": state, "limit": limit}
        answer = await api.get("/imports", params)
        empty = None
        if not answer.document["items"]:
            await _check_client(api, client)
            empty = await matching.nothing(api, "/imports", {"client": client, "state": state}, "imports")
        show(answer, json, or_empty(empty, tables.imports))

    talk(ctx, work)


ImportArgument = Annotated[
    str, typer.Argument(metavar="ID", help="The import's id or its unique beginning; see `sluice imports`.")
]


@imports.command("show")
def show_import(ctx: typer.Context, import_id: ImportArgument, json: Json = False) -> None:
    """Show one import with its files; `sluice imports ID` does the same."""

    async def work(api: Api) -> None:
        found = await named.find(api, import_id, named.IMPORT)
        answer = await api.get(f"/imports/{segment(found.id)}")
        show(answer, json, lambda row: tables.one_import(row, found.short))

    talk(ctx, work)


@imports.command("retry")
def retry_import(
    ctx: typer.Context,
    import_id: ImportArgument,
    media: named.MediaOption = None,
    json: Json = False,
) -> None:
    """Start a blocked or failed import anew; --media says what it is for, whatever its name says."""

    async def work(api: Api) -> None:
        found = await named.find(api, import_id, named.IMPORT)
        item = await named.find(api, media, named.MEDIA_ITEM) if media is not None else None
        body = {"media_item": item.id} if item is not None else None
        answer = await api.call("POST", f"/imports/{segment(found.id)}/retry", body=body)
        show(answer, json, lambda row: tables.one_import(row, found.short))

    talk(ctx, work)


libraries = typer.Typer(invoke_without_command=True, help="Show the libraries; `init NAME` marks one.")


@libraries.callback()
def list_libraries(ctx: typer.Context, json: Json = False) -> None:
    """Show the libraries, and why nothing can be placed in one where that is so."""
    if ctx.invoked_subcommand is not None:
        return

    async def work(api: Api) -> None:
        show(await api.get("/libraries"), json, tables.libraries)

    talk(ctx, work)


@libraries.command("init")
def init_library(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="The library's name in sluice.yaml.")],
    json: Json = False,
) -> None:
    """Write a library's marker into its root, so that an empty mount point is never taken for it."""

    async def work(api: Api) -> None:
        answer = await api.call("POST", f"/libraries/{segment(name)}/init")
        show(answer, json, lambda row: tables.libraries({"items": [row]}))

    talk(ctx, work)
