"""Refuses query parameters that a route does not know: a filter that is passed over would show everything."""

from __future__ import annotations

from typing import Any

from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler
from litestar.routes import HTTPRoute

from sluice_common.kit.errors import Problem

_SHOWN = 40


def refuse_unknown_parameters(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
    """A guard of every route. Raises `invalid_request` with the first one that is not known, and those that are."""
    asked = connection.query_params.keys()
    if not asked:
        return
    known = _known(connection)
    unknown = next((name for name in asked if name not in known), None)
    if unknown is not None:
        told = f"it takes {', '.join(sorted(known))}" if known else "it takes none"
        raise Problem("invalid_request", 400, f"the query parameter {unknown[:_SHOWN]!r} is not known here; {told}")


def _known(connection: ASGIConnection[Any, Any, Any, Any]) -> frozenset[str]:
    """The names that the route's handler, or what it is handed, is given from the query."""
    template, method = connection.scope["path_template"], connection.scope["method"]  # type: ignore[typeddict-item]  # of HTTP
    for route in connection.app.routes:
        if isinstance(route, HTTPRoute) and route.path_format == template:
            _, model = route.route_handler_map[method]
            return frozenset(parameter.field_alias for parameter in model.expected_query_params)
    return frozenset()
