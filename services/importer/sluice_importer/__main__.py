"""The importer's composition root: everything is made and joined here, once."""

from __future__ import annotations

import uuid
from contextlib import AsyncExitStack
from functools import partial

from sluice_common.bus.connect import connect
from sluice_common.bus.consume import DurableConsumer
from sluice_common.bus.replica import Replica
from sluice_common.bus.statuses import Statuses
from sluice_common.contracts import subjects
from sluice_common.db.migrate import migrate
from sluice_common.db.pool import open_pool
from sluice_common.kit.clock import SYSTEM_CLOCK
from sluice_common.kit.settings import Settings
from sluice_common.runtime.run import run
from sluice_common.runtime.service import Service
from sluice_importer.answering import answer
from sluice_importer.apps.queues import Queues
from sluice_importer.apps.rpc import AppHandlers
from sluice_importer.apps.sync import Sync
from sluice_importer.catalogue.rpc import CatalogueHandlers
from sluice_importer.doctor.checkup import Checkup
from sluice_importer.rpc import Handlers
from sluice_importer.work.announce.relay import Relay
from sluice_importer.work.bell import Bell
from sluice_importer.work.claim import Claims
from sluice_importer.work.identify import Identify
from sluice_importer.work.intake.completions import Completions
from sluice_importer.work.intake.reconcile import Reconciler
from sluice_importer.work.worker import Worker


def _new_id() -> str:
    return uuid.uuid4().hex


async def build(settings: Settings, stack: AsyncExitStack) -> Service:
    """The importer as `settings` say: what finds work, two workers, what announces, what answers."""
    clients, libraries, work, outbox = settings.clients, settings.libraries, Bell(), Bell()
    await migrate(settings.postgres, package="sluice_importer", schema="library")
    db = await stack.enter_async_context(open_pool(settings.postgres, application="importer"))
    bus = await stack.enter_async_context(connect(settings.nats, name="importer"))
    replica, statuses = Replica(bus), Statuses(bus, clients)
    completions = Completions(db, replica, clients, work, outbox, _new_id)
    consumer = DurableConsumer(bus, "importer-completions", [subjects.COMPLETIONS], completions.handle)
    reconciler = Reconciler(db, replica, statuses, clients, work, outbox, _new_id)
    claims = Claims(bus, replica, clients, _new_id)
    identify = Identify(db, libraries, SYSTEM_CLOCK, _new_id)
    worker = partial(Worker, db=db, claims=claims, identify=identify, libraries=libraries, work=work, outbox=outbox)
    name = settings.instance or _new_id()
    finders = [replica.run, statuses.run, consumer.run, reconciler.run]
    doers = [worker(f"{name}/1").run, worker(f"{name}/2").run, Relay(db, bus, outbox).run]
    checkup = Checkup(bus, db, replica, clients, libraries, settings.apps, _new_id)
    sync = Sync(db, settings.apps, libraries, _new_id, SYSTEM_CLOCK)
    about_media = CatalogueHandlers(db, libraries, _new_id, SYSTEM_CLOCK).methods()
    about_apps = AppHandlers(db, settings.apps, sync).methods()
    about_imports = Handlers(db, clients, libraries, work, outbox, checkup).methods()
    await answer(bus, stack, about_imports | about_media | about_apps)
    return Service(
        loops=[*finders, *doers, sync.run, Queues(bus, settings.apps, SYSTEM_CLOCK).run],
        ready=[bus.ready, db.ready, replica.ready],
    )


if __name__ == "__main__":
    run("importer", build)
