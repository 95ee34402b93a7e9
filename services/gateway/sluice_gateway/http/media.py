"""Routes of the catalogue: movies, series, their episodes, and the files that the libraries hold."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from litestar import Request, delete, get, patch, post
from litestar.params import JSONBody, QueryParameter

from sluice_common.contracts.catalogue import Entries, Episode, EpisodesOf, FilesIn, LibraryFile, Merged
from sluice_common.contracts.library import (
    KnownMediaItem,
    Listing,
    MediaItem,
    MediaItemId,
    NewMediaItem,
    RenamedMediaItem,
)
from sluice_common.contracts.rpc import Page
from sluice_gateway.entries import from_csv, from_json
from sluice_gateway.http.given import Cursor, GivenQueries, Limit, PathName, RequestId
from sluice_gateway.http.problems import documented
from sluice_gateway.schemas import Items, NewMedia, NewMediaList, NewTitle

Word = Annotated[str | None, QueryParameter(max_length=300)]

# Below what one request may weigh on the bus.
_LIST_BYTES = 4 * 1024 * 1024
_KEY = (401, "key_required", "send an API key in the header X-API-Key, or as Authorization: Bearer")
_DOWN = (503, "no_responder", "nobody answers the service 'importer' now; is that service running?")
_OFF = (409, "imports_off", "the feature import is off; see `features` in sluice.yaml")
_LIST = documented(_KEY, _OFF, _DOWN)
_NO_ITEM = (404, "unknown_media_item", "there is no media item '5'")
_FOUND = documented(_KEY, _NO_ITEM, _OFF, _DOWN)
_RENAME = documented(
    _KEY, _NO_ITEM, (409, "media_item_exists", "another movie has this title and year: 7"), _OFF, _DOWN
)
_REMOVE = documented(_KEY, _NO_ITEM, (409, "media_item_in_use", "'Sintel' is in use (1 files, 1 imports)"), _OFF, _DOWN)


@get("/media", summary="Media items", tags=["media"], responses=_LIST)
async def media(
    queries: GivenQueries,
    request_id: RequestId,
    kind: Annotated[str | None, QueryParameter(description="movie or series")] = None,
    search: Word = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Items[MediaItem]:
    """Movies and series that are known."""
    listing = Listing(limit=limit, cursor=cursor, kind=kind, search=search)
    page = await queries.importer("media.list", listing, Page[MediaItem], request_id)
    return Items(items=list(page.items), next=page.next)


@post("/media", summary="Know a movie or a series", tags=["media"], responses=_LIST)
async def create_media(queries: GivenQueries, request_id: RequestId, data: JSONBody[NewMedia]) -> KnownMediaItem:
    """The new item, or the one that exists under the same kind, title and year; `is_new` says which."""
    body = NewMediaItem(kind=data.kind, title=data.title, year=data.year, library=data.library)
    return await queries.importer("media.create", body, KnownMediaItem, request_id)


@post("/media/import", summary="Know many", tags=["media"], status_code=200, responses=_LIST,
      request_max_body_size=_LIST_BYTES)  # fmt: skip
async def import_media(queries: GivenQueries, request_id: RequestId, data: JSONBody[NewMediaList]) -> Merged:
    """Make movies, series and episodes known; at most 500 items. What is known already is added to, never taken from.

    An item is found by its external ids, else by its kind, title and year. One that cannot be taken is told among the
    `problems`, with its position in the list, and holds up no other.
    """
    return await queries.importer("media.import", Entries(from_json(data)), Merged, request_id)


@post("/media/import.csv", summary="Know many, from a table", tags=["media"], status_code=200, responses=_LIST,
      request_max_body_size=_LIST_BYTES)  # fmt: skip
async def import_table(
    queries: GivenQueries,
    request_id: RequestId,
    request: Request[Any, Any, Any],
    first_line: Annotated[int, QueryParameter(ge=2, description="of a piece of a larger table, for its errors")] = 2,
) -> Merged:
    """The same from CSV with a line of column names: kind, title, year, sort_title, library, alternative_titles
    (between `|`), season, episode, absolute, air_date, episode_title; every other column is an external id's source.

    A line with a season and an episode is an episode of its series; lines of one kind, title and year are one item.
    """
    body = await request.body()
    entries = await asyncio.to_thread(from_csv, body, first_line)  # of megabytes, while others are answered
    return await queries.importer("media.import", Entries(entries), Merged, request_id)


@get("/media/{item_id:str}", summary="One item", tags=["media"], responses=_FOUND)
async def one_item(queries: GivenQueries, request_id: RequestId, item_id: PathName) -> MediaItem:
    """A movie or a series, with its ids and how many episodes and files it has."""
    return await queries.importer("media.get", MediaItemId(id=item_id), MediaItem, request_id)


@get("/media/{item_id:str}/episodes", summary="A series' episodes", tags=["media"], responses=_FOUND)
async def episodes(
    queries: GivenQueries,
    request_id: RequestId,
    item_id: PathName,
    season: Annotated[int | None, QueryParameter(ge=0, le=99999, description="0 is the specials")] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Items[Episode]:
    """In order, each with how many files hold it."""
    asked = EpisodesOf(id=item_id, season=season, limit=limit, cursor=cursor)
    page = await queries.importer("media.episodes", asked, Page[Episode], request_id)
    return Items(items=list(page.items), next=page.next)


@get("/media/{item_id:str}/files", summary="An item's files", tags=["media"], responses=_FOUND)
async def files_of_item(
    queries: GivenQueries, request_id: RequestId, item_id: PathName, limit: Limit = 100, cursor: Cursor = None
) -> Items[LibraryFile]:
    """What the libraries hold of it, by library and path."""
    page = await queries.importer(
        "media.files", FilesIn(id=item_id, limit=limit, cursor=cursor), Page[LibraryFile], request_id
    )
    return Items(items=list(page.items), next=page.next)


@get("/libraries/{name:str}/files", summary="A library's files", tags=["libraries"], responses=_FOUND)
async def files_of_library(
    queries: GivenQueries, request_id: RequestId, name: PathName, limit: Limit = 100, cursor: Cursor = None
) -> Items[LibraryFile]:
    """What is registered in it, by path."""
    page = await queries.importer(
        "media.files", FilesIn(library=name, limit=limit, cursor=cursor), Page[LibraryFile], request_id
    )
    return Items(items=list(page.items), next=page.next)


@patch("/media/{item_id:str}", summary="Correct its title", tags=["media"], responses=_RENAME)
async def rename_media(
    queries: GivenQueries, request_id: RequestId, item_id: PathName, data: JSONBody[NewTitle]
) -> MediaItem:
    """From now on names are matched by this title, and files named by it. What is filed stays where it is."""
    body = RenamedMediaItem(id=item_id, title=data.title, year=data.year)
    return await queries.importer("media.rename", body, MediaItem, request_id)


@delete("/media/{item_id:str}", summary="Forget an item", tags=["media"], status_code=200, responses=_REMOVE)
async def remove_media(queries: GivenQueries, request_id: RequestId, item_id: PathName) -> MediaItem:
    """Forget an item that has no file, no import and no download; the answer is what it was."""
    return await queries.importer("media.remove", MediaItemId(id=item_id), MediaItem, request_id)


ROUTES = [
    media,
    create_media,
    import_media,
    import_table,
    one_item,
    episodes,
    files_of_item,
    files_of_library,
    rename_media,
    remove_media,
]
