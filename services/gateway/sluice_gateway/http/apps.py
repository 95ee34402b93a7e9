"""Routes of the Sonarrs and Radarrs beside us. The importer answers."""

from __future__ import annotations

from litestar import get, post

from sluice_common.contracts.apps import AppName, Apps, AppStatus
from sluice_common.contracts.rpc import Empty
from sluice_gateway.http.given import GivenQueries, PathName, RequestId
from sluice_gateway.http.problems import documented
from sluice_gateway.schemas import Items

_KEY = (401, "key_required", "send an API key in the header X-API-Key, or as Authorization: Bearer")
_DOWN = (503, "no_responder", "nobody answers the service 'importer' now; is that service running?")
_OFF = (409, "imports_off", "the feature import is off; see `features` in sluice.yaml")


@get("/apps", summary="Apps", tags=["apps"], responses=documented(_KEY, _OFF, _DOWN))
async def apps(queries: GivenQueries, request_id: RequestId) -> Items[AppStatus]:
    """Every configured Sonarr and Radarr: what was taken over from it, and why not where that is so."""
    answer = await queries.importer("apps.list", Empty(), Apps, request_id)
    return Items(items=list(answer.items))


@post(
    "/apps/{name:str}/sync",
    summary="Take over from an app now",
    tags=["apps"],
    status_code=202,
    responses=documented(
        _KEY,
        (404, "unknown_app", "there is no app 'sonar' in the configuration; known: sonarr"),
        (409, "sync_off", "nothing is taken over from sonarr: its enabled or sync is off"),
        _OFF,
        _DOWN,
    ),
)
async def sync_app(queries: GivenQueries, request_id: RequestId, name: PathName) -> AppStatus:
    """Begin now; `synced_at` of the app says when it was done."""
    return await queries.importer("apps.sync", AppName(name=name), AppStatus, request_id)


ROUTES = [apps, sync_app]
