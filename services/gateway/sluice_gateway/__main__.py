"""The gateway's composition root."""

from __future__ import annotations

import secrets
from contextlib import AsyncExitStack

from sluice_common.bus.connect import connect
from sluice_common.bus.replica import Replica
from sluice_common.bus.statuses import Statuses
from sluice_common.db.migrate import migrate
from sluice_common.db.pool import open_pool
from sluice_common.kit.clock import SYSTEM_CLOCK
from sluice_common.kit.settings import Settings
from sluice_common.runtime.run import run
from sluice_common.runtime.service import Service
from sluice_gateway.auth import first_key
from sluice_gateway.auth.keyring import Keyring
from sluice_gateway.auth.store import KeyStore
from sluice_gateway.commands import Commands
from sluice_gateway.doctor import Doctor
from sluice_gateway.features import Features
from sluice_gateway.holders import Holders
from sluice_gateway.http.app import create_app
from sluice_gateway.live.apps import AppFeed, AppOverlays
from sluice_gateway.live.feed import Feed
from sluice_gateway.live.freshness import Freshness
from sluice_gateway.live.overlay import OverlayFeed, Overlays
from sluice_gateway.live.streams import Hub
from sluice_gateway.live.tables import LiveQueue
from sluice_gateway.live.watching import Watching
from sluice_gateway.queries import Queries
from sluice_gateway.steering import Steering


def new_request_id() -> str:
    """A random id for a request that brought none."""
    return secrets.token_hex(8)


async def build(settings: Settings, stack: AsyncExitStack) -> Service:
    """The gateway from its settings."""
    await migrate(settings.postgres, package="sluice_gateway", schema="gateway")
    db = await stack.enter_async_context(open_pool(settings.postgres, application="gateway"))
    await first_key.ensure(db, settings.gateway.first_key_path, secrets.token_bytes)
    bus = await stack.enter_async_context(connect(settings.nats, name="gateway"))
    keyring, replica, statuses = Keyring(KeyStore(db), SYSTEM_CLOCK), Replica(bus), Statuses(bus, settings.clients)
    owners = {name: client.owners for name, client in settings.clients.items()}
    overlays, of_apps = Overlays(), AppOverlays(settings.apps, owners)
    live = LiveQueue(owners, lambda row: of_apps.of(row) or overlays.of(row))
    overlays.on_change.append(live.refresh)
    of_apps.on_change.append(live.refresh_owned)
    Feed(replica, live, settings.clients, SYSTEM_CLOCK)
    freshness = Freshness(settings.clients, statuses, SYSTEM_CLOCK)
    features = Features(settings.features)
    queries = Queries(bus, live, settings.clients, statuses, freshness, features)
    holders = Holders(bus, freshness)
    commands = Commands(holders, replica, queries, settings)
    hub = Hub(live, queries)
    watching = Watching(bus, hub, new_request_id)
    ready = [bus.ready, db.ready, replica.ready]
    app = create_app(
        queries,
        commands,
        Steering(holders, queries, commands),
        hub,
        Doctor(bus, db, settings),
        accepts=keyring.accepts,
        hosts=settings.gateway.hosts,
        checks=ready,
        new_request_id=new_request_id,
    )
    return Service(
        loops=[
            keyring.run,
            replica.run,
            statuses.run,
            OverlayFeed(bus, overlays, live.may_show, new_request_id, wanted="import" in features).run,
            AppFeed(bus, of_apps).run,
            hub.run,
            watching.run,
        ],
        ready=ready,
        app=app,
        listen=(settings.gateway.listen, settings.gateway.port),
        stopping=[hub.end],
    )


if __name__ == "__main__":
    run("gateway", build)
