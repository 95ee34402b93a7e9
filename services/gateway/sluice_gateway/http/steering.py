"""Routes of a client as a whole: what limits it, and what changes all of it."""

from __future__ import annotations

from typing import Annotated

from litestar import get, post
from litestar.params import Body

from sluice_common.model.edits import Limits
from sluice_gateway import changes
from sluice_gateway.http.given import GivenCaller, GivenSteering, PathName
from sluice_gateway.http.problems import documented
from sluice_gateway.http.refusals import DOWN, OFF, REFUSED, REUSED, UNKNOWN, UNSUPPORTED
from sluice_gateway.schemas import Steered

_LIMITS = documented(*UNKNOWN[:2], OFF, *DOWN)
_CONTROL = documented(
    (400, "nothing_to_change", "give at least one of: download, upload"),
    (400, "limit_invalid", "a limit is 0, which lifts it, or more"),
    *UNKNOWN[:2],
    REFUSED,
    OFF,
    REUSED,
    UNSUPPORTED,
    *DOWN,
)


@get("/clients/{client:str}/limits", summary="What limits a client", tags=["clients"], responses=_LIMITS)
async def limits(steering: GivenSteering, caller: GivenCaller, client: PathName) -> Limits:
    """Its speed limits as a whole in bytes per second, null for none, and whether its alternative limits are on, null
    where it has no such thing; asked of the client now."""
    return await steering.limits(client, caller)


@post(
    "/clients/{client:str}/control",
    summary="Change a client as a whole",
    tags=["clients"],
    status_code=200,
    responses=_CONTROL,
)
async def control(
    steering: GivenSteering,
    caller: GivenCaller,
    client: PathName,
    data: Annotated[changes.Control, Body(description="one change, by its `kind`")],
) -> Steered:
    """Answered once this gateway shows what the change did to the client's downloads."""
    return await steering.control(client, data, caller)


ROUTES = [limits, control]
