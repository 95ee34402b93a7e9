"""What routes are handed: our own objects, the request id, and the names in a path. Types only."""

from __future__ import annotations

from typing import Annotated

from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter

from sluice_gateway.caller import Caller
from sluice_gateway.commands import Commands
from sluice_gateway.doctor import Doctor
from sluice_gateway.live.streams import Hub
from sluice_gateway.live.views import Filter, Order
from sluice_gateway.queries import MAX_LIMIT, Queries
from sluice_gateway.schemas import ClientTrouble, QueueRow
from sluice_gateway.steering import Steering

GivenQueries = NamedDependency[Queries]
GivenCommands = NamedDependency[Commands]
GivenDoctor = NamedDependency[Doctor]
GivenHub = NamedDependency[Hub[QueueRow, ClientTrouble]]
GivenFilter = NamedDependency[Filter]
GivenOrder = NamedDependency[Order]
GivenSteering = NamedDependency[Steering]
GivenCaller = NamedDependency[Caller]
RequestId = NamedDependency[str]
PathName = FromPath[str]

Limit = Annotated[int, QueryParameter(ge=1, le=MAX_LIMIT, description="how many rows at most")]
Cursor = Annotated[str | None, QueryParameter(max_length=4096, description="`next` of the page before")]
