"""The poller's composition root."""

from __future__ import annotations

import secrets
from contextlib import AsyncExitStack
from random import Random

from sluice_client_poller.adapters import registry
from sluice_client_poller.holder import Holder
from sluice_common.bus.connect import connect
from sluice_common.kit.clock import SYSTEM_CLOCK
from sluice_common.kit.settings import Settings
from sluice_common.runtime.run import run
from sluice_common.runtime.service import Service


async def build(settings: Settings, stack: AsyncExitStack) -> Service:
    """The poller from its settings."""
    bus = await stack.enter_async_context(connect(settings.nats, name="client-poller"))
    holder = Holder(
        bus,
        settings.clients,
        settings.poll,
        make_adapter=registry.make,
        holder=settings.instance or secrets.token_hex(6),
        clock=SYSTEM_CLOCK,
        random=Random(),  # noqa: S311 - jitter, not a secret
        new_id=lambda: secrets.token_hex(8),
    )
    return Service(loops=[holder.run], ready=[bus.ready, holder.ready])


if __name__ == "__main__":
    run("client-poller", build)
