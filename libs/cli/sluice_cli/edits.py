"""The verbs that change what is there, from force-start to peers: one edit of the API each, of one download or several.

What a client cannot do it says, and nothing is changed.
"""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.text import Text

from sluice_cli import many, sheet, values
from sluice_cli.api import Api
from sluice_cli.failure import Failure, WrongUsage
from sluice_cli.many import Ids
from sluice_cli.one import Id, every_file
from sluice_cli.run import Json, show, talk
from sluice_cli.values import files, named, rate
from sluice_cli.which import Which, find_or_fail
from sluice_cli.words import clean
from sluice_common.model.edits import Place

Words = list[str] | None


PLACES = tuple(place.value for place in Place)


def force_start(
    ctx: typer.Context,
    downloads: Ids,
    off: Annotated[bool, typer.Option("--off", help="Give them back to the queue.")] = False,
    json: Json = False,
) -> None:
    """Transfer now, past the limits of the client's queue."""
    done = "given back to the queue" if off else "force-started"
    many.edit(ctx, downloads, {"kind": "force_start", "on": not off}, done, json)


def reannounce(ctx: typer.Context, downloads: Ids, json: Json = False) -> None:
    """Ask the trackers for peers now."""
    many.edit(ctx, downloads, {"kind": "reannounce"}, "announced", json)


def queue_move(
    ctx: typer.Context,
    downloads: Ids,
    to: Annotated[str, typer.Option(help=f"Where to: {', '.join(PLACES)}.")],
    json: Json = False,
) -> None:
    """Move downloads in their client's queue."""
    if to not in PLACES:
        raise WrongUsage(f"--to: {to!r} is no place in a queue; there are: {', '.join(PLACES)}")
    many.edit(ctx, downloads, {"kind": "queue", "to": to}, f"moved in the queue ({to})", json)


def category(
    ctx: typer.Context,
    downloads: Ids,
    to: Annotated[str | None, typer.Option(help="The category (label); it decides who imports.")] = None,
    none: Annotated[bool, typer.Option("--none", help="Put them in no category.")] = False,
    json: Json = False,
) -> None:
    """Put downloads in another category."""
    if (to is None) != none:
        raise WrongUsage("give either --to CATEGORY or --none")
    if to is not None:
        named([to], "--to: a category (--none takes them out of theirs)")
    many.edit(ctx, downloads, {"kind": "category", "category": to}, f"put in {to or 'no category'}", json)


def tags(
    ctx: typer.Context,
    downloads: Ids,
    to: Annotated[Words, typer.Option("--set", help="A tag; may be repeated. All others go.")] = None,
    none: Annotated[bool, typer.Option("--none", help="Leave them without tags.")] = False,
    json: Json = False,
) -> None:
    """Give downloads these tags and no others."""
    if bool(to) == none:
        raise WrongUsage("give either --set TAG, once or more, or --none")
    named(to or (), "--set: a tag (--none takes all away)")
    many.edit(ctx, downloads, {"kind": "tags", "tags": to or []}, f"tagged {', '.join(to or ['nothing'])}", json)


def limit(
    ctx: typer.Context,
    downloads: Ids,
    download: Annotated[str | None, typer.Option(help="Bytes per second: 500000, 512K, 2M; 0 lifts it.")] = None,
    upload: Annotated[str | None, typer.Option(help="Likewise.")] = None,
    ratio: Annotated[str | None, typer.Option(help="Stop seeding at this ratio: 1.5; 0 lifts it.")] = None,
    seeding_time: Annotated[
        str | None, typer.Option(help="Stop seeding after whole minutes: 90m, 36h, or seconds; 0 lifts it.")
    ] = None,
    json: Json = False,
) -> None:
    """Limit downloads; what is not given stays."""
    change = _present(
        download=rate(download),
        upload=rate(upload),
        ratio=values.ratio(ratio),
        seeding_time=values.minutes(seeding_time),
    )
    if not change:
        raise WrongUsage("give at least one of --download, --upload, --ratio, --seeding-time")
    many.edit(ctx, downloads, {"kind": "limits", **change}, "limited", json)


def move(
    ctx: typer.Context,
    downloads: Ids,
    to: Annotated[str, typer.Option(help="The folder, absolute, as the client sees its disk.")],
    json: Json = False,
) -> None:
    """Move downloads' data to another folder of their client."""
    named([to], "--to: a folder")
    many.edit(ctx, downloads, {"kind": "move", "save_path": to}, f"moved to {to}", json)


def rename(
    ctx: typer.Context,
    download: Id,
    name: Annotated[str, typer.Argument(help="The new name.")],
    json: Json = False,
) -> None:
    """Show a download under another name."""
    named([name], "a name")
    many.edit(ctx, [download], {"kind": "rename", "name": name}, "renamed", json)


def choose(
    ctx: typer.Context,
    download: Id,
    want: Annotated[Words, typer.Option(help="File numbers (see `sluice files`) to fetch: 3, 0-7, 1,4-6.")] = None,
    skip: Annotated[Words, typer.Option(help="File numbers not to fetch; both may be repeated.")] = None,
    json: Json = False,
) -> None:
    """Choose which of a download's files are fetched; those named in neither stay as they are."""
    if not want and not skip:
        raise WrongUsage("give --want, --skip or both")
    change = {"kind": "files", "wanted": files(want or ()), "unwanted": files(skip or ())}

    async def work(api: Api) -> None:
        which = await find_or_fail(api, download)
        answer = await api.call("POST", f"{which.path}/edit", body=change)
        told = None if json else await _chosen(api, which)
        show(answer, json, lambda _: Text(f"chosen: {clean(which.name)} ({which.client}/{clean(which.id)}); {told}"))

    talk(ctx, work)


async def _chosen(api: Api, which: Which) -> str:
    """By the client's own file list: the row's size may be of before for a moment. What was done stays done."""
    try:
        return sheet.chosen(await every_file(api, which))
    except Failure as failure:
        return f"its files cannot be read now: {clean(failure)}"


def trackers(
    ctx: typer.Context,
    downloads: Ids,
    add: Annotated[Words, typer.Option(help="An announce URL to add; may be repeated.")] = None,
    remove: Annotated[Words, typer.Option(help="An announce URL to remove; likewise.")] = None,
    json: Json = False,
) -> None:
    """Change downloads' trackers.

    Announce URLs hold pass keys: other users of this machine see a command line.
    """
    if not add and not remove:
        raise WrongUsage("give --add, --remove or both")
    many.edit(ctx, downloads, {"kind": "trackers", "add": add or [], "remove": remove or []}, "trackers changed", json)


def peers(
    ctx: typer.Context,
    download: Id,
    addresses: Annotated[list[str], typer.Argument(metavar="PEER...", help=r"address:port; of IPv6 \[address]:port.")],
    json: Json = False,
) -> None:
    """Have a download's client dial these peers."""
    many.edit(ctx, [download], {"kind": "peers", "peers": addresses}, "peers given", json)


def _present(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}
