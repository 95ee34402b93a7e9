"""Who asks for a change, and from where: what the audit says of a command. Values only."""

from __future__ import annotations

import msgspec


class Caller(msgspec.Struct, frozen=True):
    """`request_id` names the command; `origin` is the address it came from, as this gateway sees it."""

    request_id: str
    origin: str | None = None
    actor: str = "api"

    def numbered(self, number: int) -> Caller:
        """The same caller's command for one item of many."""
        return msgspec.structs.replace(self, request_id=f"{self.request_id}.{number}")
