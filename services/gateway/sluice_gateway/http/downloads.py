"""Routes of one download: what it is, its files, its history; and how one is added."""

from __future__ import annotations

from typing import Annotated, TypeVar

from litestar import Response, get, post
from litestar.params import Body, HeaderParameter, QueryParameter

from sluice_common.contracts.history import HistoryEntry, HistoryQuery
from sluice_common.contracts.rpc import Page
from sluice_common.model.edits import OwnSettings
from sluice_common.model.metainfo import MAX_TORRENT_BYTES
from sluice_gateway.http.given import Cursor, GivenCaller, GivenCommands, GivenQueries, Limit, PathName, RequestId
from sluice_gateway.http.problems import documented
from sluice_gateway.http.refusals import DOWN, OFF, REUSED, UNKNOWN, UNSUPPORTED
from sluice_gateway.schemas import AddedRow, DownloadDetail, FilePage, Items, NewDownload, Outcome, QueueRow, file_row

# base64 adds a third; the rest of the document is small.
MAX_ADD_BYTES = MAX_TORRENT_BYTES * 4 // 3 + 128 * 1024

_ADD = documented(
    (400, "bad_source", "give exactly one of magnet, url and torrent"),
    (400, "save_path_invalid", "save_path 'films' is not absolute; give the whole path, as the client sees its disk"),
    (
        400,
        "save_path_in_library",
        "save_path '/data/media/tv' lies in the library tv (/data/media/tv), which only Sluice fills; give a folder …",
    ),
    (400, "tag_invalid", "the tag 'a,b' holds a comma, or begins or ends with a blank"),
    (400, "magnet_invalid", "this is not a usable magnet link: it has no info-hash"),
    (400, "torrent_invalid", "this is not a usable .torrent: …"),
    (403, "url_refused", "10.0.0.7 is a private address; if you trust it, allow it in the configuration"),
    (409, "duplicate", "deluge already has 'Sintel'; the existing download is under `download`"),
    (413, "too_large", "the body is over its limit; a .torrent may have 5 MiB"),
    (
        422,
        "url_not_torrent",
        "example.org answered text/html, not a .torrent; is a log-in or a key missing in the URL?",
    ),
    OFF,
    REUSED,
    *UNKNOWN[:2],
    *DOWN,
    UNSUPPORTED,
)

Shown = TypeVar("Shown", AddedRow | Outcome, QueueRow | Outcome)
PATH = "/downloads/{client:str}/{download_id:str}"


@post(
    "/downloads",
    summary="Add a download",
    tags=["downloads"],
    responses=_ADD,
    request_max_body_size=MAX_ADD_BYTES,
)
async def add(
    commands: GivenCommands,
    caller: GivenCaller,
    data: Annotated[NewDownload, Body(description="what to add, and what it is for")],
    idempotency_key: Annotated[
        str | None,
        HeaderParameter(name="Idempotency-Key", description="repeating a request with it adds nothing twice"),
    ] = None,
) -> Response[AddedRow | Outcome]:
    """201 with the row once the client has it and this gateway shows it; 202 if that takes longer than 3 s. `note` says
    why Sluice will not import it: its category is not one of ours."""
    return shown(await commands.add(data, caller), 201)


@get(PATH, summary="One download", tags=["downloads"], responses=documented(*UNKNOWN))
async def download(
    queries: GivenQueries, request_id: RequestId, client: PathName, download_id: PathName
) -> DownloadDetail:
    """The row, also found by an alias, with its other names, how far its import is, and what it was added for."""
    return await queries.detail(queries.entry(client, download_id), request_id)


@get(f"{PATH}/files", summary="Its files", tags=["downloads"], responses=documented(*UNKNOWN, *DOWN))
async def files(
    queries: GivenQueries,
    request_id: RequestId,
    client: PathName,
    download_id: PathName,
    start: Annotated[int, QueryParameter(ge=0, description="`next` of the page before")] = 0,
) -> FilePage:
    """The client's own file list, a page at a time, asked of the client now."""
    page = await queries.files(client, download_id, start, request_id)
    return FilePage(items=[file_row(file) for file in page.items], total=page.total, next=page.next)


@get(
    f"{PATH}/settings", summary="Its own limits and trackers", tags=["downloads"], responses=documented(*UNKNOWN, *DOWN)
)
async def settings(
    queries: GivenQueries, request_id: RequestId, client: PathName, download_id: PathName
) -> OwnSettings:
    """What is set in it and no row tells, asked of the client now: its own limits, null where it has none and the
    client's count, and its trackers by their hosts."""
    return await queries.settings(client, download_id, request_id)


@get(f"{PATH}/history", summary="Its timeline", tags=["downloads", "history"], responses=documented(*UNKNOWN[:2]))
async def history(
    queries: GivenQueries,
    request_id: RequestId,
    client: PathName,
    download_id: PathName,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Items[HistoryEntry]:
    """Everything that happened to it, oldest first; also when it is no longer in the queue."""
    known = queries.live.get(queries.known(client), download_id)
    wanted = known.download.id if known is not None else download_id
    query = HistoryQuery(limit=limit, cursor=cursor, client=client, id=wanted, oldest_first=True)
    page = await queries.history(query, Page[HistoryEntry], request_id)
    return Items(items=list(page.items), next=page.next)


def shown(result: Shown, status: int) -> Response[Shown]:
    """202 where the effect is certain but not yet shown here."""
    return Response(result, status_code=status if isinstance(result, QueueRow) else 202)


ROUTES = [add, download, files, settings, history]
