"""Routes of the queue: a page of it, and a stream of what changes in a view of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Annotated, Any

from litestar import Request, get
from litestar.params import HeaderParameter, QueryParameter
from litestar.response import ServerSentEvent
from litestar.response.sse import ServerSentEventMessage
from typing_extensions import override

from sluice_gateway import metrics
from sluice_gateway.http.given import Cursor, GivenFilter, GivenHub, GivenOrder, GivenQueries, Limit
from sluice_gateway.http.problems import documented
from sluice_gateway.live.streams import Hub
from sluice_gateway.live.views import SORTS, Filter, Order, parse_order
from sluice_gateway.schemas import ClientTrouble, QueuePage, QueueRow

HEARTBEAT = 15.0
RETRY_MS = 2000

Words = list[str] | None

_REFUSALS = documented(
    (400, "invalid_request", "cannot sort by 'colour'; use one of name, added, …, or -name"),
    (401, "key_required", "send an API key in the header X-API-Key, or as Authorization: Bearer"),
    (404, "unknown_client", "no client 'qbit' is configured; there are: deluge"),
    (409, "queue_off", "the feature queue is off; see `features` in sluice.yaml"),
)


def _only(
    client: Annotated[Words, QueryParameter(description="configured clients; may be repeated")] = None,
    state_: Annotated[Words, QueryParameter(name="state", description="progress; may be repeated")] = None,
    health: Annotated[Words, QueryParameter(description="ok, warning, error, unknown; may be repeated")] = None,
    category: Annotated[Words, QueryParameter(description="may be repeated; empty means without one")] = None,
    owner: Annotated[Words, QueryParameter(description="sluice, an app's name or none; may be repeated")] = None,
    search: Annotated[str, QueryParameter(max_length=200, description="part of the name, in any case")] = "",
) -> Filter:
    """The filter of a queue request."""
    return Filter(
        clients=_words(client),
        states=_words(state_),
        healths=_words(health),
        categories=_words(category),
        owners=_words(owner),
        search=search.casefold(),
    )


def _words(values: Words) -> tuple[str, ...]:
    """Sorted and once each, so that equal filters are equal."""
    return tuple(sorted(set(values or ())))


def _order(
    sort: Annotated[
        str, QueryParameter(max_length=40, description=f"{', '.join(SORTS)}; with - the other way")
    ] = "name",
) -> Order:
    """The order of a queue request."""
    return parse_order(sort)


@get("/queue", summary="A page of the queue", tags=["queue"], responses=_REFUSALS)
async def queue(
    queries: GivenQueries,
    only: GivenFilter,
    order: GivenOrder,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> QueuePage:
    """Rows that match, in order. Rows of a client that is down stay, marked stale, and `clients` names it."""
    return await queries.queue(only, order, limit, cursor)


class _Encoded(ServerSentEventMessage):
    """A message that was encoded once for everybody."""

    def __init__(self, wire: bytes) -> None:
        super().__init__()
        self._wire = wire

    @override
    def encode(self) -> bytes:
        return self._wire


@get(
    "/queue/events",
    summary="What changes in a view of the queue, live",
    tags=["queue"],
    responses=_REFUSALS,
    media_type="text/event-stream",
)
async def queue_events(
    request: Request[Any, Any, Any],
    queries: GivenQueries,
    hub: GivenHub,
    only: GivenFilter,
    order: GivenOrder,
    limit: Limit = 100,
    last_event_id: Annotated[
        str | None, HeaderParameter(name="Last-Event-ID", description="taken, and answered with the whole view")
    ] = None,
) -> ServerSentEvent:
    """First `event: view` with the first `limit` rows, then `event: change` with only what changed, at most four a
    second: rows to set (`upserts`), `[client, id]` of rows that left (`removed`), and where they are not as told before
    the `order` of all rows and the troubled `clients`. Ids are positions. Whoever reads too slowly is disconnected."""
    queries.check(only)
    stream = _follow(hub, only, order, limit, request.scope["state"]["abort"])
    return ServerSentEvent(stream, retry_duration=RETRY_MS)


async def _follow(
    hub: Hub[QueueRow, ClientTrouble], only: Filter, order: Order, limit: int, abort: Callable[[], None]
) -> AsyncIterator[_Encoded]:
    async with hub.subscribe(only, order, limit) as subscriber:
        subscriber.on_overflow = lambda: _cut_off(abort)
        metrics.SUBSCRIBERS.inc()
        try:
            while not subscriber.overflowed.is_set():
                wire = await subscriber.next(HEARTBEAT)
                if subscriber.ended:
                    break
                yield _Encoded(wire if wire is not None else b": still here\n\n")
        finally:
            metrics.SUBSCRIBERS.dec()


def _cut_off(abort: Callable[[], None]) -> None:
    metrics.CUT_OFF.inc()
    abort()


ROUTES = [queue, queue_events]
DEPENDENCIES: dict[str, Callable[..., Any]] = {"only": _only, "order": _order}
