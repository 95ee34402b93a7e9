"""The composition root: what history is made of. No rule lives here."""

from __future__ import annotations

from contextlib import AsyncExitStack

from sluice_common.bus.connect import connect
from sluice_common.bus.replica import Replica
from sluice_common.bus.statuses import Statuses
from sluice_common.db.migrate import migrate
from sluice_common.db.pool import open_pool
from sluice_common.kit.settings import Settings
from sluice_common.runtime.run import run
from sluice_common.runtime.service import Service
from sluice_history.query import serve_queries
from sluice_history.reconcile import Reconciler
from sluice_history.record import recorder


async def build(settings: Settings, stack: AsyncExitStack) -> Service:
    """Connect, bring the schema up to date, answer, record and reconcile."""
    await migrate(settings.postgres, package="sluice_history", schema="history")
    db = await stack.enter_async_context(open_pool(settings.postgres, application="sluice-history"))
    bus = await stack.enter_async_context(connect(settings.nats, name="sluice-history"))
    replica, statuses = Replica(bus), Statuses(bus, settings.clients)
    reconciler = Reconciler(bus, db, replica, statuses, settings.clients)
    queries = await serve_queries(bus, db)
    stack.push_async_callback(queries.stop)
    return Service(
        loops=[recorder(bus, db).run, replica.run, statuses.run, reconciler.run],
        ready=[bus.ready, db.ready],
    )


if __name__ == "__main__":
    run("history", build)
