"""What is answered about the apps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from sluice_common.contracts import apps as contract
from sluice_common.contracts import rpc
from sluice_common.db.pool import Database
from sluice_common.kit.errors import Problem
from sluice_common.kit.settings import AppSettings
from sluice_common.kit.urls import public
from sluice_importer.answering import Methods, reached
from sluice_importer.apps import store
from sluice_importer.apps.sync import Sync


class AppHandlers:
    """The methods of `sluice.rpc.importer.apps.*`."""

    def __init__(self, db: Database, apps: Mapping[str, AppSettings], sync: Sync) -> None:
        self._db = db
        self._apps = apps
        self._sync = sync

    def methods(self) -> Methods:
        """Which there are."""
        return {"apps.list": (rpc.Empty, self.list), "apps.sync": (contract.AppName, self.sync)}

    async def list(self, _: rpc.Empty, __: rpc.Request) -> contract.Apps:
        """All of them, each with how its last attempt went."""
        async with reached(self._db.connection()) as connection:
            told = await store.told(connection)
        return contract.Apps(tuple(self._status(name, told.get(name, {})) for name in sorted(self._apps)))

    async def sync(self, asked: contract.AppName, request: rpc.Request) -> contract.AppStatus:
        """Begin now; the answer does not wait for its end."""
        app = self._apps.get(asked.name)
        if app is None:
            known = ", ".join(sorted(self._apps)) or "none"
            raise Problem("unknown_app", 404, f"there is no app {asked.name!r} in the configuration; known: {known}")
        if not (app.enabled and app.sync):
            raise Problem("sync_off", 409, f"nothing is taken over from {asked.name}: its enabled or sync is off")
        self._sync.ask(asked.name)
        listed = await self.list(rpc.Empty(), request)
        return next(status for status in listed.items if status.name == asked.name)

    def _status(self, name: str, told: Mapping[str, Any]) -> contract.AppStatus:
        app = self._apps[name]
        known = {"name": name, "kind": app.type, "url": public(app.url), "enabled": app.enabled, "sync": app.sync}
        return msgspec.convert({**known, **told}, contract.AppStatus)
