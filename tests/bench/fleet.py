"""Rows as a client of many torrents has them, and a client that has them. Seeded: the same every time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random

import msgspec
from typing_extensions import override

from sluice_client_poller.adapters.port import Poll
from sluice_common.model.download import Download
from sluice_common.model.enums import State
from support.fake_client import FakeClient

_EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


def seeding_rows(count: int, *, client: str = "fake", seed: int = 1) -> list[Download]:
    """Complete torrents that idle, of the size and variety that real lists have."""
    random = Random(seed)
    return [_seeding(client, index, random) for index in range(count)]


def _seeding(client: str, index: int, random: Random) -> Download:
    size = random.randrange(10**8, 10**10)
    added = _EPOCH + timedelta(minutes=index)
    name = f"Some.Show.S{index % 30:02}E{index % 24:02}.1080p.WEB-DL.x264-GROUP{index}"
    return Download(
        client=client,
        id=random.randbytes(20).hex(),
        epoch=f"c{int(added.timestamp())}",
        name=name,
        state=State.SEEDING,
        is_complete=True,
        size=size,
        total_size=size,
        done=size,
        down_speed=0,
        up_speed=0,
        ratio=round(random.random() * 4, 3),
        seeding_time=random.randrange(10**4, 10**7),
        seeds=random.randrange(50),
        peers=random.randrange(10),
        category=random.choice(["tv", "movies", None]),
        tracker="tracker.example.org",
        private=bool(index % 2),
        save_path="/downloads/complete",
        content_path=f"/downloads/complete/{name}",
        added_at=added,
        completed_at=added + timedelta(hours=1),
    )


class Fleet(FakeClient):
    """Tells its whole list every time, or with `deltas` what it was made to change. `changes` rows differ each poll."""

    def __init__(self, rows: list[Download], *, deltas: bool, changes: int) -> None:
        super().__init__("fake")
        self.rows = {row.id: row for row in rows}
        self._tells_deltas = deltas
        self._changes = changes
        self._ids = list(self.rows)
        self._fresh = True
        # A real reply is decoded anew each time: equal rows, but not the same objects.
        self._lists = [_copied(rows), _copied(rows)]

    @override
    async def poll(self) -> Poll:
        self.polls += 1
        changed = [self._touch(self.polls * self._changes + index) for index in range(self._changes)]
        whole, self._fresh = self._fresh or not self._tells_deltas, False
        if not whole:
            return Poll(rows=tuple(changed), whole=False)
        rows = self._lists[self.polls % 2]
        rows.update({row.id: row for row in changed})
        self._lists[(self.polls + 1) % 2].update({row.id: row for row in changed})
        return Poll(rows=tuple(rows.values()))

    def _touch(self, index: int) -> Download:
        download_id = self._ids[index % len(self._ids)]
        self.rows[download_id] = msgspec.structs.replace(self.rows[download_id], up_speed=index)
        return self.rows[download_id]


def _copied(rows: list[Download]) -> dict[str, Download]:
    copies = msgspec.msgpack.decode(msgspec.msgpack.encode(rows), type=list[Download])
    return {row.id: row for row in copies}
