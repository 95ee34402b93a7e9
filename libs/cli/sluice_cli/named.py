"""Which import or media item is meant: its id, or the id's unique beginning. Reads the API's list of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any

import msgspec
import typer

from sluice_cli.api import Api
from sluice_cli.failure import Failure
from sluice_cli.words import clean, id_length

# Below this a beginning is rather a typing error than a choice.
SHORTEST = 4
# The length that the importer's ids have: nobody has to be asked what one of them is the beginning of.
_WHOLE = 32
_PAGE = 500
_TOLD = 5


class Kind(msgspec.Struct, frozen=True):
    """One kind of thing with ids: what people call it, where the API lists it, which verb shows it, and its name."""

    word: str
    path: str
    verb: str
    name: Callable[[dict[str, Any]], str]


class Named(msgspec.Struct, frozen=True):
    """A whole id, and as little of it as says the same to us now."""

    id: str
    short: str


IMPORT = Kind("import", "/imports", "sluice imports", lambda row: str(row["name"]))
MEDIA_ITEM = Kind("media item", "/media", "sluice media list", lambda row: str(row["title"]))


MediaOption = Annotated[
    str | None,
    typer.Option(help="What it is: a media item's id or its unique beginning; see `sluice media list`."),
]


def pick(text: str, rows: Sequence[dict[str, Any]], kind: Kind) -> Named:
    """The one row that is meant; a whole id beats a beginning. Raises Failure for none and for several."""
    wanted = text.strip().lower()
    whole = [row for row in rows if row["id"].lower() == wanted]
    if not whole and len(wanted) < SHORTEST:
        raise Failure(f"{text!r} is too short for an id; `{kind.verb}` shows them, {SHORTEST} characters may do")
    fits = whole or [row for row in rows if row["id"].lower().startswith(wanted)]
    if not fits:
        raise Failure(f"no {kind.word}'s id begins with {text!r}; `{kind.verb}` shows what there is")
    if len(fits) > 1:
        raise Failure(_ambiguous(text, fits, kind))
    found: str = fits[0]["id"]
    return Named(found, found[: id_length(row["id"] for row in rows)])


def _ambiguous(text: str, rows: Sequence[dict[str, Any]], kind: Kind) -> str:
    length = id_length(row["id"] for row in rows)
    told = ", ".join(f"{clean(row['id'])[:length]} ({clean(kind.name(row))[:40]})" for row in rows[:_TOLD])
    more = f" and {len(rows) - _TOLD} more" if len(rows) > _TOLD else ""
    return f"{text!r} fits {len(rows)} {kind.word}s: {told}{more}; give more of the id"


async def find(api: Api, text: str, kind: Kind) -> Named:
    """What `text` names; raises Failure as `pick` does. A whole id is not looked for: the API says if it is none."""
    if len(text.strip()) >= _WHOLE:
        return Named(text.strip(), text.strip())
    rows: list[dict[str, Any]] = []
    cursor: str | None = None
    while True:
        page = (await api.get(kind.path, {"limit": _PAGE, "cursor": cursor})).document
        rows.extend(page["items"])
        cursor = page.get("next")
        if cursor is None:
            return pick(text, rows, kind)
