"""What commands were answered, so that a repeated one is not carried out again. In memory, and only the last ones."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable

import msgspec

from sluice_common.contracts.commands import Done
from sluice_common.kit.errors import Problem

# Two of the largest bulks; each item is a command.
REMEMBERED = 2000


class _Command(msgspec.Struct):
    digest: bytes
    done: Done | None = None


class Remembered:
    """Commands by request id: those that run and the last `limit` that succeeded. One that failed may be repeated."""

    def __init__(self, limit: int = REMEMBERED) -> None:
        self._limit = limit
        self._commands: OrderedDict[str, _Command] = OrderedDict()

    async def once(self, request_id: str, command: object, carry_out: Callable[[], Awaitable[Done]]) -> Done:
        """The answer that `command` (anything msgpack takes) got before, or the one it gets now.

        Raises Problem key_reused where the request id names another command; what `carry_out` raises is forgotten.
        """
        digest = hashlib.sha256(msgspec.msgpack.encode(command)).digest()
        mine = self._commands.get(request_id) or _Command(digest)
        if mine.digest != digest:
            raise Problem("key_reused", 422, "this Idempotency-Key named another command; use a new one for each")
        if mine.done is not None:
            return mine.done
        self._keep(request_id, mine)
        try:
            mine.done = await carry_out()
        finally:
            if mine.done is None and self._commands.get(request_id) is mine:
                del self._commands[request_id]
        self._keep(request_id, mine)
        return mine.done

    def _keep(self, request_id: str, command: _Command) -> None:
        self._commands[request_id] = command
        self._commands.move_to_end(request_id)
        while len(self._commands) > self._limit:
            self._commands.popitem(last=False)
