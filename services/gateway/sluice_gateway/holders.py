"""The way to the holders of the clients' leases, for every command."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from sluice_common.bus.connect import Bus
from sluice_common.bus.rpc import call
from sluice_common.contracts import subjects
from sluice_common.kit import log as logging
from sluice_common.kit.errors import Problem
from sluice_gateway.caller import Caller
from sluice_gateway.live.freshness import Freshness

log = logging.get(__name__)

R = TypeVar("R")

COMMAND_WITHIN = 30.0


class Holders:
    """Sends commands to whoever polls the client."""

    def __init__(self, bus: Bus, freshness: Freshness) -> None:
        self._bus = bus
        self._freshness = freshness

    def refuse_if_down(self, client: str) -> None:
        """A client that is known to be down is not asked again by everybody who waits for it. Raises Problem."""
        state = self._freshness.of(client)
        if state.reason == "disabled":
            raise Problem("client_disabled", 409, f"clients.{client}.enabled is false; enable it first")
        if state.health != "error":
            return
        why = f"{client}: {state.message or state.reason or 'not reachable'}"
        if state.reason == "auth_failed":
            raise Problem("client_auth_failed", 502, f"{why}; check the username and password in the configuration")
        code = "client_unavailable" if state.reason in (None, "unreachable") else f"client_{state.reason}"
        raise Problem(code, 503, f"{why}; nothing was changed, try again when the client is back")

    async def send(self, client: str, verb: str, body: object, kind: type[R], caller: Caller) -> R:
        """The holder's answer. Raises Problem: its own words, or that nobody answered."""
        subject = subjects.command(client, verb)
        try:
            done = await call(
                self._bus,
                subject,
                body,
                kind,
                request_id=caller.request_id,
                within=COMMAND_WITHIN,
                actor=caller.actor,
                origin=caller.origin,
            )
        except msgspec.MsgspecError as error:
            raise Problem("bad_answer", 502, "the poller answered what this gateway does not understand") from error
        log.info("command_done", verb=verb, client=client, request_id=caller.request_id)
        return done
