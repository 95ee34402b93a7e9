"""The verbs of the catalogue: movies, series, their episodes and files, and the apps that they are taken from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from sluice_cli import catalogue, matching, named
from sluice_cli.api import Answer, Api, segment
from sluice_cli.failure import Failure
from sluice_cli.run import Json, Limit, or_empty, show, talk

# What the gateway takes at once: items, and bytes with room to spare.
_AT_ONCE = 500
_BYTES_AT_ONCE = 3_000_000

# The words that a media item's kind goes by: the API's own, and those of libraries and of people.
_KINDS = {"movie": "movie", "movies": "movie", "series": "series", "tv": "series"}


def _kind(word: str) -> str:
    """The API's word. Raises BadParameter for what is none."""
    found = _KINDS.get(word.strip().lower())
    if found is None:
        raise typer.BadParameter(f"{word!r} is no kind; it is movie or series", param_hint="--kind")
    return found


media = typer.Typer(no_args_is_help=True, help="Movies and series that Sluice knows.")


@media.command("list")
def list_media(
    ctx: typer.Context,
    kind: Annotated[str | None, typer.Option(help="movie or series.")] = None,
    search: Annotated[str | None, typer.Option(help="Only titles that contain this.")] = None,
    limit: Limit = 100,
    json: Json = False,
) -> None:
    """Show media items."""
    wanted = _kind(kind) if kind is not None else None

    async def work(api: Api) -> None:
        answer = await api.get("/media", {"kind": wanted, "search": search, "limit": limit})
        filters = {"kind": kind, "search": search}
        empty = None if answer.document["items"] else await matching.nothing(api, "/media", filters, "media items")
        show(answer, json, or_empty(empty, catalogue.media))

    talk(ctx, work)


@media.command("add")
def add_media(
    ctx: typer.Context,
    title: Annotated[str, typer.Argument(help="Its title, without the year.")],
    kind: Annotated[str, typer.Option(help="movie or series.")],
    year: Annotated[int | None, typer.Option(min=1870, max=2200, help="Its (first) year.")] = None,
    library: Annotated[str | None, typer.Option(help="In which library its files go; see `sluice libraries`.")] = None,
    json: Json = False,
) -> None:
    """Make a movie or a series known; says whether it was known already."""
    body = {"kind": _kind(kind), "title": title, "year": year, "library": library}

    async def work(api: Api) -> None:
        present = {name: value for name, value in body.items() if value is not None}
        show(await api.call("POST", "/media", body=present), json, catalogue.known_media)

    talk(ctx, work)


MediaArgument = Annotated[
    str, typer.Argument(metavar="ID", help="The media item's id or its unique beginning; see `sluice media list`.")
]


@media.command("show")
def show_media(ctx: typer.Context, item: MediaArgument, json: Json = False) -> None:
    """Show one item: other titles, external ids, how many episodes and files it has."""

    async def work(api: Api) -> None:
        found = await named.find(api, item, named.MEDIA_ITEM)
        show(await api.get(f"/media/{segment(found.id)}"), json, catalogue.one_item)

    talk(ctx, work)


@media.command("episodes")
def list_episodes(
    ctx: typer.Context,
    item: MediaArgument,
    season: Annotated[int | None, typer.Option(min=0, help="Only this season; 0 is the specials.")] = None,
    limit: Limit = 100,
    json: Json = False,
) -> None:
    """Show a series' episodes, and which of them are in a library."""

    async def work(api: Api) -> None:
        found = await named.find(api, item, named.MEDIA_ITEM)
        answer = await api.get(f"/media/{segment(found.id)}/episodes", {"season": season, "limit": limit})
        show(answer, json, catalogue.episodes)

    talk(ctx, work)


@media.command("files")
def list_files(ctx: typer.Context, item: MediaArgument, limit: Limit = 100, json: Json = False) -> None:
    """Show what the libraries hold of an item."""

    async def work(api: Api) -> None:
        found = await named.find(api, item, named.MEDIA_ITEM)
        show(await api.get(f"/media/{segment(found.id)}/files", {"limit": limit}), json, catalogue.files)

    talk(ctx, work)


@media.command("import")
def import_media(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(help="A .csv with a line of column names, or a .json list of items.")],
    json: Json = False,
) -> None:
    """Make many items known at once. What is known is added to, never taken from; docs/api.md names the columns."""
    parts = _parts(file)

    async def work(api: Api) -> None:
        answers = [await api.send(part.path, part.kind, part.body, {"first_line": part.first_line}) for part in parts]
        show(_summed(answers), json, catalogue.merged)

    talk(ctx, work)


class Part(msgspec.Struct, frozen=True):
    """A piece of a file: where it goes, as what, and the number of its first line in the whole."""

    path: str
    kind: str
    body: bytes
    first_line: int | None = None


def _parts(file: Path) -> list[Part]:
    """Where it goes, and the file in pieces that the gateway takes. Raises Failure for one that cannot be read."""
    try:
        body = file.read_bytes()
    except OSError as error:
        raise Failure(f"cannot read {file}: {error.strerror}") from None
    if file.suffix.lower() == ".json":
        return [Part("/media/import", "application/json", part) for part in _json_parts(file, body)]
    return [Part("/media/import.csv", "text/csv", part, line) for line, part in _csv_parts(body)]


def _json_parts(file: Path, body: bytes) -> Iterator[bytes]:
    try:
        told = msgspec.json.decode(body, type=list[msgspec.Raw] | dict[str, msgspec.Raw])
        items = msgspec.json.decode(told["items"], type=list[msgspec.Raw]) if isinstance(told, dict) else told
    except (msgspec.MsgspecError, UnicodeDecodeError, KeyError):
        raise Failure(f'{file} is no list of items; it holds [{{"kind": "movie", "title": "…"}}, …]') from None
    for group in _grouped([bytes(item) for item in items]):
        yield b'{"items": [' + b",".join(group) + b"]}"


def _csv_parts(body: bytes) -> Iterator[tuple[int, bytes]]:
    """Each with the line of column names; an item that is cut in two is one again once both are known."""
    head, *lines = body.splitlines(keepends=True) or [b""]
    number = 2
    for group in _grouped(lines) or [[]]:
        yield number, head + b"".join(group)
        number += len(group)


def _grouped(pieces: list[bytes]) -> list[list[bytes]]:
    groups: list[list[bytes]] = []
    weight = _BYTES_AT_ONCE + 1
    for piece in pieces:
        if weight + len(piece) > _BYTES_AT_ONCE or len(groups[-1]) >= _AT_ONCE:
            groups.append([])
            weight = 0
        groups[-1].append(piece)
        weight += len(piece) + 1
    return groups


def _summed(answers: list[Answer]) -> Answer:
    """One answer of all parts; a problem's position counts the items of its part."""
    counts = ("created", "updated", "unchanged", "episodes")
    total: dict[str, Any] = {name: sum(answer.document[name] for answer in answers) for name in counts}
    total["problems"] = [problem for answer in answers for problem in answer.document["problems"]]
    return Answer(msgspec.json.encode(total), total)


@media.command("rename")
def rename_media(
    ctx: typer.Context,
    item: MediaArgument,
    title: Annotated[str, typer.Argument(help="Its right title, without the year.")],
    year: Annotated[int | None, typer.Option(min=1870, max=2200, help="Its right (first) year.")] = None,
    json: Json = False,
) -> None:
    """Correct a title or year. Names are matched by it from now on; what is filed stays where it is."""

    async def work(api: Api) -> None:
        found = await named.find(api, item, named.MEDIA_ITEM)
        body = {"title": title, **({"year": year} if year is not None else {})}
        answer = await api.call("PATCH", f"/media/{segment(found.id)}", body=body)
        show(answer, json, catalogue.renamed_media)

    talk(ctx, work)


@media.command("remove")
def remove_media(ctx: typer.Context, item: MediaArgument, json: Json = False) -> None:
    """Forget an item that has no file, no import and no download."""

    async def work(api: Api) -> None:
        found = await named.find(api, item, named.MEDIA_ITEM)
        show(await api.call("DELETE", f"/media/{segment(found.id)}"), json, catalogue.removed_media)

    talk(ctx, work)


apps = typer.Typer(
    invoke_without_command=True, help="Show the Sonarrs and Radarrs beside Sluice; `sync NAME` asks one."
)


@apps.callback()
def list_apps(ctx: typer.Context, json: Json = False) -> None:
    """Show the apps, what was taken over from each, and why not where that is so."""
    if ctx.invoked_subcommand is not None:
        return

    async def work(api: Api) -> None:
        show(await api.get("/apps"), json, catalogue.apps)

    talk(ctx, work)


@apps.command("sync")
def sync_app(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="The app's name in sluice.yaml.")],
    json: Json = False,
) -> None:
    """Take over what an app knows now, rather than when it is due."""

    async def work(api: Api) -> None:
        answer = await api.call("POST", f"/apps/{segment(name)}/sync")
        show(answer, json, lambda row: catalogue.apps({"items": [row]}))

    talk(ctx, work)
