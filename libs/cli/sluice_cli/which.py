"""Which download is meant: ID, or CLIENT/ID, where ID may be the unique beginning of an id. Reads the queue."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from sluice_cli.api import Api, segment
from sluice_cli.failure import Failure
from sluice_cli.words import clean

_PAGE = 500
_TOLD = 5


class Which(msgspec.Struct, frozen=True):
    """A download's identity, and its name where it is known."""

    client: str
    id: str
    name: str = ""

    @property
    def path(self) -> str:
        """Where the API has it."""
        return f"/downloads/{segment(self.client)}/{segment(self.id)}"


def split(text: str) -> tuple[str | None, str]:
    """The client, where one is named, and the id or its beginning."""
    client, slash, beginning = text.strip().partition("/")
    return (client, beginning) if slash else (None, client)


def pick(text: str, rows: Iterable[dict[str, Any]]) -> Which | None:
    """The one row that is meant, None when there is none. A whole id beats a beginning. Raises Failure for several."""
    client, beginning = split(text)
    wanted = beginning.lower()
    fits = [row for row in rows if row["id"].lower().startswith(wanted) and (client is None or row["client"] == client)]
    found = [row for row in fits if row["id"].lower() == wanted] or fits
    if len(found) > 1:
        raise Failure(_ambiguous(text, found))
    return Which(found[0]["client"], found[0]["id"], found[0]["name"]) if found else None


def _ambiguous(text: str, rows: Sequence[dict[str, Any]]) -> str:
    told = ", ".join(f"{row['client']}/{row['id']} ({clean(row['name'])[:40]})" for row in rows[:_TOLD])
    more = f" and {len(rows) - _TOLD} more" if len(rows) > _TOLD else ""
    return f"{text!r} fits {len(rows)} downloads: {told}{more}; give more of the id, or CLIENT/ID"


async def find(api: Api, text: str) -> Which | None:
    """The download in the queue that is meant, None when there is none."""
    client, beginning = split(text)
    if not beginning:
        raise Failure("an id is missing; `sluice queue` shows them")
    return pick(text, await _rows(api, client))


async def _rows(api: Api, client: str | None) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    cursor: str | None = None
    while True:
        page = (await api.get("/queue", {"client": client, "limit": _PAGE, "cursor": cursor})).document
        rows.extend(page["items"])
        cursor = page.get("next")
        if cursor is None:
            return rows


async def find_or_fail(api: Api, text: str) -> Which:
    """As `find`; raises Failure when there is none."""
    found = await find(api, text)
    if found is None:
        raise _nothing(text)
    return found


async def find_each(api: Api, texts: Sequence[str]) -> list[Which]:
    """As `find_or_fail`, for several at once: the queue is read once, and all of them must be there."""
    if len(texts) == 1:
        return [await find_or_fail(api, texts[0])]
    rows = await _rows(api, None)
    found: list[Which] = []
    for text in texts:
        which = pick(text, rows) if split(text)[1] else None
        if which is None:
            raise _nothing(text)
        found.append(which)
    return found


def _nothing(text: str) -> Failure:
    return Failure(f"no download's id begins with {text!r}; `sluice queue` shows what there is")
