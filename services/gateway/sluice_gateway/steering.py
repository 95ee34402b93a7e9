"""What concerns a client as a whole: its limits, and pausing or resuming everything in it."""

from __future__ import annotations

from sluice_common.contracts.commands import Done, Steer
from sluice_common.contracts.rpc import Empty
from sluice_common.model.edits import Limits
from sluice_gateway import changes, checks
from sluice_gateway.caller import Caller
from sluice_gateway.commands import Commands
from sluice_gateway.holders import Holders
from sluice_gateway.queries import Queries
from sluice_gateway.schemas import Steered, table_position


class Steering:
    """Commands to whole clients."""

    def __init__(self, holders: Holders, queries: Queries, commands: Commands) -> None:
        self._holders = holders
        self._queries = queries
        self._commands = commands

    async def limits(self, client: str, caller: Caller) -> Limits:
        """What limits the client, asked of it now. Raises Problem."""
        self._queries.features.need("queue")
        self._holders.refuse_if_down(self._queries.known(client))
        return await self._holders.send(client, "limits", Empty(), Limits, caller)

    async def control(self, client: str, control: changes.Control, caller: Caller) -> Steered:
        """Change it; the answer comes when this gateway shows what it did to the rows. Raises Problem."""
        self._queries.features.need("queue")
        self._queries.known(client)
        checks.check(control)

        async def carry_out() -> Done:
            self._holders.refuse_if_down(client)
            return await self._holders.send(client, "steer", Steer(control=control), Done, caller)

        done = await self._commands.once(caller, ("steer", client, control), carry_out)
        await self._commands.reached(client, done)
        return Steered(client=client, position=table_position(done.position))
