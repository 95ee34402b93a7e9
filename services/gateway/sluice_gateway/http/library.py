"""Routes answered by the importer and the history: imports, libraries, events."""

from __future__ import annotations

from typing import Annotated

from litestar import get, post
from litestar.params import Body, QueryParameter

from sluice_common.contracts.history import HistoryEntry, HistoryQuery
from sluice_common.contracts.library import (
    Import,
    ImportId,
    ImportState,
    Libraries,
    LibraryName,
    LibraryStatus,
    Listing,
    RetryImport,
)
from sluice_common.contracts.rpc import Empty, Page
from sluice_gateway.http.given import Cursor, GivenQueries, Limit, PathName, RequestId
from sluice_gateway.http.problems import documented
from sluice_gateway.queries import check_words
from sluice_gateway.schemas import Items, NewAttempt

Attempt = Annotated[NewAttempt | None, Body(description="may be left out")]
Word = Annotated[str | None, QueryParameter(max_length=300)]

# An import is never without a state; `unknown` is one that this gateway is too old for.
IMPORT_STATES = tuple(state.value for state in ImportState if state not in (ImportState.NONE, ImportState.UNKNOWN))

_KEY = (401, "key_required", "send an API key in the header X-API-Key, or as Authorization: Bearer")
_DOWN = (503, "no_responder", "nobody answers the service 'importer' now; is that service running?")
_OFF = (409, "imports_off", "the feature import is off; see `features` in sluice.yaml")
_HISTORY = documented(_KEY, _DOWN)
_LIST = documented(_KEY, _OFF, _DOWN)
_ONE = documented(_KEY, (404, "unknown_import", "there is no import '17'"), _OFF, _DOWN)
_RETRY = documented(
    _KEY,
    (404, "unknown_import", "there is no import '17'"),
    (404, "unknown_media_item", "there is no media item '5'"),
    (409, "not_retriable", "the import is imported; only blocked, failed, waiting, ignored ones are tried again"),
    _OFF,
    _DOWN,
)


@get("/history", summary="What happened", tags=["history"], responses=_HISTORY)
async def history(
    queries: GivenQueries,
    request_id: RequestId,
    client: Word = None,
    type_: Annotated[str | None, QueryParameter(name="type", description="`download.completed`, or `import`")] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Items[HistoryEntry]:
    """Lifecycle events, newest first."""
    query = HistoryQuery(limit=limit, cursor=cursor, client=client, type=type_)
    page = await queries.history(query, Page[HistoryEntry], request_id)
    return Items(items=list(page.items), next=page.next)


@get("/imports", summary="Imports", tags=["imports"], responses=_LIST)
async def imports(
    queries: GivenQueries,
    request_id: RequestId,
    client: Word = None,
    state_: Annotated[str | None, QueryParameter(name="state", description="waiting, blocked, imported, …")] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Items[Import]:
    """Imports, as the importer orders them."""
    check_words("state", [state_] if state_ is not None else [], IMPORT_STATES)
    listing = Listing(limit=limit, cursor=cursor, client=client, state=state_)
    page = await queries.importer("imports.list", listing, Page[Import], request_id)
    return Items(items=list(page.items), next=page.next)


@get("/imports/{import_id:str}", summary="One import with its files", tags=["imports"], responses=_ONE)
async def one_import(queries: GivenQueries, request_id: RequestId, import_id: PathName) -> Import:
    """Every file with its verdict, where it went and how."""
    return await queries.importer("imports.get", ImportId(id=import_id), Import, request_id)


@post("/imports/{import_id:str}/retry", summary="Try again", tags=["imports"], status_code=200, responses=_RETRY)
async def retry_import(
    queries: GivenQueries, request_id: RequestId, import_id: PathName, data: Attempt = None
) -> Import:
    """Start a blocked or failed import anew; with `media_item` it is for that item, whatever its name says."""
    body = RetryImport(id=import_id, media_item=data.media_item if data is not None else None)
    await queries.importer("imports.retry", body, Empty, request_id)
    return await queries.importer("imports.get", ImportId(id=import_id), Import, request_id)


@get("/libraries", summary="Libraries", tags=["libraries"], responses=_LIST)
async def libraries(queries: GivenQueries, request_id: RequestId) -> Items[LibraryStatus]:
    """Every configured library, and why nothing can be placed in it where that is so."""
    answer = await queries.importer("libraries.list", Empty(), Libraries, request_id)
    return Items(items=list(answer.items))


@post(
    "/libraries/{name:str}/init",
    summary="Write a library's marker",
    tags=["libraries"],
    status_code=200,
    responses=documented(
        _KEY, (404, "unknown_library", "no library 'tv' is configured; there are: movies"), _OFF, _DOWN
    ),
)
async def init_library(queries: GivenQueries, request_id: RequestId, name: PathName) -> LibraryStatus:
    """Mark its root as this library, so that an empty mount point is never taken for it."""
    return await queries.importer("libraries.init", LibraryName(name=name), LibraryStatus, request_id)


ROUTES = [
    history,
    imports,
    one_import,
    retry_import,
    libraries,
    init_library,
]
