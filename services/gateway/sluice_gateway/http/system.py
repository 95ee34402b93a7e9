"""Routes about ourselves and the clients: /health, /ready, /metrics, /api/v1/clients, /api/v1/doctor."""

from __future__ import annotations

from collections.abc import Sequence

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler

from sluice_common.runtime.health import Route, health_routes
from sluice_common.runtime.service import Check
from sluice_gateway.http.given import GivenDoctor, GivenQueries, RequestId
from sluice_gateway.http.problems import documented
from sluice_gateway.schemas import ClientRow, Diagnosis, Items, diagnosis

_KEY = (401, "key_required", "send an API key in the header X-API-Key, or as Authorization: Bearer")


_SUMMARIES = {
    "/health": "Whether this process lives",
    "/ready": "Whether it can serve, else why not",
    "/metrics": "Prometheus metrics",
}


@get("/clients", summary="The download clients", tags=["clients"], responses=documented(_KEY))
async def clients(queries: GivenQueries) -> Items[ClientRow]:
    """Every configured client with its health, how old what we know is, its version and its free space."""
    return Items(items=queries.clients())


@get("/doctor", summary="What is wrong with this set-up", tags=["system"], responses=documented(_KEY))
async def diagnose(doctor: GivenDoctor, request_id: RequestId) -> Diagnosis:
    """Looks at bus, database, services, each client's log-in and version, each path, and tries whether a finished
    file of each client can be linked into each library. Each check has what is the case and what to do; `status` is
    the worst of them. What does not answer is a check that failed. May take up to a minute where something hangs."""
    return diagnosis(await doctor.findings(request_id))


def system_routes(checks: Sequence[Check]) -> list[HTTPRouteHandler]:
    """The three paths that every service has; `checks` say whether we are ready."""
    routes = health_routes(lambda: checks)
    return [_route(path, answer) for path, answer in routes.items()]


def _route(path: str, answer: Route) -> HTTPRouteHandler:
    async def handler() -> Response[bytes]:
        given = await answer()
        return Response(given.body, status_code=given.status, media_type=given.content_type)

    handler.__name__ = path.strip("/")
    return get(path, summary=_SUMMARIES[path], tags=["system"], media_type="text/plain")(handler)


ROUTES = [clients, diagnose]
