"""An adapter's list as the poller holds it: its polls, whole or delta, folded into one table."""

from __future__ import annotations

from sluice_client_poller.adapters.port import Adapter, Poll
from sluice_common.model.download import Download


class Folded:
    """Polls one adapter; `rows` is the table by id that its polls amount to, `last` the newest poll.

    `deltas` tells whether any poll so far brought only what changed.
    """

    def __init__(self, adapter: Adapter) -> None:
        self._adapter = adapter
        self.rows: dict[str, Download] = {}
        self.last: Poll | None = None
        self.deltas = False

    async def poll(self) -> dict[str, Download]:
        """Poll once more; the table after it. What the adapter raises leaves the table as it was."""
        poll = await self._adapter.poll()
        assert self.last is not None or poll.whole, "an adapter's first poll is whole"
        if poll.whole:
            assert not poll.removed, "a whole poll needs no removals"
            self.rows = {}
        for gone in poll.removed:
            self.rows.pop(gone, None)
        self.rows |= {row.id: row for row in poll.rows}
        self.last = poll
        self.deltas = self.deltas or not poll.whole
        return self.rows
