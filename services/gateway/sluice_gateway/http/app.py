"""Puts the HTTP application together: routes, what they get handed, problems, the OpenAPI document, the edge."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

from litestar import Litestar, Request, Router
from litestar.di import Provide
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import Components, SecurityScheme

from sluice_common.kit.metrics import version
from sluice_common.runtime.service import Check
from sluice_gateway.caller import Caller
from sluice_gateway.commands import Commands
from sluice_gateway.doctor import Doctor
from sluice_gateway.http import apps, changing, downloads, library, media, problems, queue, steering, system
from sluice_gateway.http.edge import Accepts, Edge
from sluice_gateway.http.strict import refuse_unknown_parameters
from sluice_gateway.live.streams import Hub
from sluice_gateway.queries import Queries
from sluice_gateway.schemas import ClientTrouble, QueueRow
from sluice_gateway.steering import Steering

MAX_BODY_BYTES = 64 * 1024
_ROOMS = (queue, downloads, changing, steering, library, media, apps, system)


def create_app(
    queries: Queries,
    commands: Commands,
    steers: Steering,
    hub: Hub[QueueRow, ClientTrouble],
    doctor: Doctor,
    *,
    accepts: Accepts,
    hosts: Collection[str],
    checks: Sequence[Check],
    new_request_id: Callable[[], str],
) -> Edge:
    """The ASGI application. `accepts` decides on an API key, `hosts` are further allowed Host names."""
    api = Router(
        "/api/v1",
        route_handlers=[
            *queue.ROUTES,
            *downloads.ROUTES,
            *changing.ROUTES,
            *steering.ROUTES,
            *library.ROUTES,
            *media.ROUTES,
            *apps.ROUTES,
            *system.ROUTES,
        ],
        dependencies={
            "queries": _given(queries),
            "commands": _given(commands),
            "steering": _given(steers),
            "hub": _given(hub),
            "doctor": _given(doctor),
            "request_id": Provide(_request_id, sync_to_thread=False),
            "caller": Provide(_caller, sync_to_thread=False),
            **{name: Provide(make, sync_to_thread=False) for name, make in queue.DEPENDENCIES.items()},
        },
        guards=[refuse_unknown_parameters],
    )
    app = Litestar(
        [api, *system.system_routes(checks)],
        exception_handlers={Exception: problems.respond},
        request_max_body_size=MAX_BODY_BYTES,
        openapi_config=_openapi(),
        logging_config=None,
        debug=False,
    )
    return Edge(app, accepts, hosts, new_request_id)


def _given(value: object) -> Provide:
    def provide() -> Any:
        return value

    return Provide(provide, sync_to_thread=False)


def _request_id(request: Request[Any, Any, Any]) -> str:
    request_id: str = request.scope["state"]["request_id"]
    return request_id


def _caller(request: Request[Any, Any, Any]) -> Caller:
    return Caller(_request_id(request), request.client.host if request.client is not None else None)


def _openapi() -> OpenAPIConfig:
    return OpenAPIConfig(
        title="Sluice",
        version=version(),
        description="One live queue in front of every download client. Errors are RFC 9457 problems; see `code`.",
        path="/schema",
        use_handler_docstrings=True,
        render_plugins=[JsonRenderPlugin()],
        security=[{"apiKey": []}, {"bearer": []}],
        components=Components(
            security_schemes={
                "apiKey": SecurityScheme(type="apiKey", name="X-API-Key", security_scheme_in="header"),
                "bearer": SecurityScheme(type="http", scheme="bearer"),
            }
        ),
    )
