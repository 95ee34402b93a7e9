"""All rows of the configured clients, and every view over them, changed in place as frames and overlays arrive.

Runs on the loop and does no IO. A client whose table is unknown keeps the rows it had: unknown is never empty.
"""

from __future__ import annotations

import asyncio
import heapq
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from sluice_common.contracts.commands import Position
from sluice_common.contracts.frames import Applied, FrameKind, Table
from sluice_common.model.download import Download
from sluice_gateway.live.rows import NO_IMPORT, Entry, Key, Overlay, make_entry
from sluice_gateway.live.views import Filter, Order, SortKey, View

# A slice of a view being built: short enough (about 3 ms) that the loop serves others in between.
SLICE = 2000
VIEWS = 16

OverlayOf = Callable[[Download], Overlay]
ViewKey = tuple[Filter, Order]


class LiveQueue:
    """The merged queue. `owners` is per configured client: category → owner; other clients' frames are not shown."""

    def __init__(self, owners: Mapping[str, Mapping[str, str]], overlay_of: OverlayOf = lambda _: NO_IMPORT) -> None:
        self._owners = owners
        self._overlay_of = overlay_of
        self._ids: dict[str, dict[str, Entry]] = {client: {} for client in owners}
        self._aliases: dict[str, dict[str, str]] = {client: {} for client in owners}
        self._positions: dict[str, Position] = {}
        self._views: OrderedDict[ViewKey, View] = OrderedDict()
        self._building: dict[View, set[Key]] = {}
        self._pinned: dict[ViewKey, int] = {}
        self.on_change: list[Callable[[Collection[View]], None]] = []

    def __len__(self) -> int:
        return sum(len(rows) for rows in self._ids.values())

    def count(self, client: str) -> int:
        """How many rows a configured client has."""
        return len(self._ids[client])

    def get(self, client: str, download_id: str) -> Entry | None:
        """The row of this id, or of this alias."""
        rows = self._ids.get(client, {})
        found = rows.get(download_id)
        if found is None:
            found = rows.get(self._aliases.get(client, {}).get(download_id, ""))
        return found

    def may_show(self, client: str, download_id: str) -> bool:
        """Whether the row is here, or may be: its client's table is not known."""
        if client not in self._owners:
            return False
        return client not in self._positions or self.get(client, download_id) is not None

    def position(self, client: str) -> Position | None:
        """Up to where the client's table is shown; None while it is unknown."""
        return self._positions.get(client)

    def position_text(self) -> str:
        """Where all clients' tables are, as one word without spaces: `deluge:1f2e:1763670000123,other:-`."""
        places = ((client, self._positions.get(client)) for client in self._owners)
        return ",".join(f"{name}:{at.incarnation}:{at.sequence}" if at else f"{name}:-" for name, at in places)

    def apply(self, client: str, applied: Applied, table: Table) -> None:
        """A frame was committed: `table` is what it made."""
        if client not in self._owners:
            return
        if applied.kind is FrameKind.KEY:
            self.replace(client, table)
            return
        self._positions[client] = Position(table.incarnation, table.sequence)
        self._step(client, [(change.id, change.after) for change in applied.changes])

    def replace(self, client: str, table: Table | None) -> None:
        """The whole table anew; an unknown one (None) leaves the rows that are known, without a position."""
        if client not in self._owners:
            return
        if table is None:
            self._positions.pop(client, None)
            return
        self._positions[client] = Position(table.incarnation, table.sequence)
        known = self._ids[client]
        gone: list[tuple[str, Download | None]] = [(key, None) for key in known.keys() - table.rows.keys()]
        # A keyframe that changes nothing has the very same rows: only what is another object is compared.
        changed: list[tuple[str, Download | None]] = [
            (key, row)
            for key, row in table.rows.items()
            if (entry := known.get(key)) is None or (entry.download is not row and entry.download != row)
        ]
        self._step(client, gone + changed)

    def refresh(self, keys: Iterable[Key]) -> None:
        """The overlay of these rows may have changed."""
        for client, download_id in keys:
            entry = self.get(client, download_id)
            if entry is not None:
                self._step(client, [(entry.download.id, entry.download)])

    def refresh_owned(self, owner: str) -> None:
        """The overlays of what this owner has may have changed."""
        owned = [entry for entry in self.entries() if entry.owner == owner]
        self.refresh(entry.key for entry in owned if self._overlay_of(entry.download) != entry.overlay)

    def entries(self) -> Iterable[Entry]:
        """Every row, in no order."""
        return (entry for rows in self._ids.values() for entry in rows.values())

    def _step(self, client: str, changes: Sequence[tuple[str, Download | None]]) -> None:
        touched: set[View] = set()
        for download_id, row in changes:
            entry = self._store(client, download_id, row)
            for pending in self._building.values():
                pending.add((client, download_id))
            for view in self._views.values():
                if view.put(entry) if entry is not None else view.drop((client, download_id)):
                    touched.add(view)
        for listener in self.on_change:
            listener(touched)

    def _store(self, client: str, download_id: str, row: Download | None) -> Entry | None:
        rows, aliases = self._ids[client], self._aliases[client]
        old = rows.pop(download_id, None)
        for alias in old.download.aliases if old is not None else ():
            if aliases.get(alias) == download_id:
                del aliases[alias]
        if row is None:
            return None
        entry = make_entry(row, self._owners[client], self._overlay_of(row))
        rows[download_id] = entry
        aliases.update(dict.fromkeys(row.aliases, download_id))
        return entry

    async def view(self, only: Filter, order: Order) -> View:
        """The view, built in slices the first time, then kept while it is used."""
        key = (only, order)
        found = self._views.get(key)
        if found is None:
            found = self._views.setdefault(key, await self._build(View(only, order)))
        self._views.move_to_end(key)
        self._evict()
        return found

    def pin(self, view: View) -> Callable[[], None]:
        """Keep a view that somebody watches; the result lets it go."""
        key = (view.filter, view.order)
        assert self._views[key] is view, "pin a view before anything is awaited"
        self._pinned[key] = self._pinned.get(key, 0) + 1

        def release() -> None:
            self._pinned[key] -= 1
            if not self._pinned[key]:
                del self._pinned[key]

        return release

    def _evict(self) -> None:
        surplus = len(self._views) - VIEWS
        for key in [key for key in self._views if key not in self._pinned][: max(0, surplus)]:
            del self._views[key]

    async def _build(self, view: View) -> View:
        """Sorted slices, merged; rows that change meanwhile are put right at the end, without a pause in between."""
        missed = self._building.setdefault(view, set())
        try:
            everything, runs = list(self.entries()), list[list[SortKey]]()
            for start in range(0, len(everything), SLICE):
                matching = (entry for entry in everything[start : start + SLICE] if view.filter.matches(entry))
                runs.append(sorted(map(view.key_of, matching)))
                if start + SLICE < len(everything):
                    await asyncio.sleep(0)
            view.fill(runs[0] if len(runs) == 1 else await _merged(runs))
        finally:
            del self._building[view]
        for client, download_id in missed:
            entry = self._ids[client].get(download_id)
            _ = view.put(entry) if entry is not None else view.drop((client, download_id))
        return view


async def _merged(runs: Sequence[Sequence[SortKey]]) -> list[SortKey]:
    ordered: list[SortKey] = []
    for key in heapq.merge(*runs):
        ordered.append(key)
        if len(ordered) % SLICE == 0:
            await asyncio.sleep(0)
    return ordered
