"""A qBittorrent 5.1 that is not one: as many seeding torrents as wanted, a part of which moves. Seeded.

It answers what an adapter asks, tells deltas as 5.1 does, and keeps the suite of qBittorrent's recordings
(`tests/contract/test_synthetic_client.py`). Rows cost it nothing while nobody asks for them.
"""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any

import msgspec
from typing_extensions import override

from support.recorded_qbittorrent import RecordedQbittorrent
from support.replay import Answer

SAMPLES = Path(__file__).resolve().parents[1] / "contract" / "samples" / "qbittorrent-5.1.0"
SHARE = 0.01  # of the rows move
FAST = 10**8  # bytes/s; one of those that move is at least that fast, the others are slower
_SAMPLE = "state_stalledUP__multi.json"
_FIRST_ADDED = 1_750_000_000


class SyntheticQbittorrent(RecordedQbittorrent):
    """`step` and `shift` move its torrents on. What moved is kept until every session was told."""

    def __init__(self, count: int, seed: int) -> None:
        super().__init__(SAMPLES)
        self._random = Random(seed)
        sample = json.loads((SAMPLES / _SAMPLE).read_text())[0]
        sample.pop("hash", None)
        self.torrents = dict(self._torrent(sample, index) for index in range(count))
        self._ids = list(self.torrents)
        self._moving: list[str] = []
        self._log: dict[str, tuple[int, dict[str, dict[str, Any]]]] = {}

    def step(self) -> None:
        """One second: those that moved stop, others begin."""
        for torrent_id in self._moving:
            self._set(torrent_id, upspeed=0, state="stalledUP")
        self._moving = self._random.sample(self._ids, movers(len(self._ids)))
        for index, torrent_id in enumerate(self._moving):
            self._begin(torrent_id, self._random.randrange(1, FAST) + (FAST if index == 0 else 0))

    def shift(self) -> tuple[str, int]:
        """One begins to move, and the one that did so for longest stops; the id of the first, and its speed.

        The speed is one that the torrent had never before.
        """
        torrent_id = self._random.choice(self._ids)
        while torrent_id in self._moving:
            torrent_id = self._random.choice(self._ids)
        speed = FAST + self._random.randrange(FAST)
        self._begin(torrent_id, speed)
        self._moving.append(torrent_id)
        if len(self._moving) > movers(len(self._ids)):
            self._set(self._moving.pop(0), upspeed=0, state="stalledUP")
        return torrent_id, speed

    def _begin(self, torrent_id: str, speed: int) -> None:
        uploaded = self.torrents[torrent_id]["uploaded"] + speed
        ratio = uploaded / self.torrents[torrent_id]["size"]
        self._set(torrent_id, upspeed=speed, state="uploading", uploaded=uploaded, ratio=ratio)

    def _set(self, torrent_id: str, **fields: Any) -> None:
        self.torrents[torrent_id].update(fields)
        for _, untold in self._log.values():
            untold.setdefault(torrent_id, {}).update(fields)

    def _torrent(self, sample: dict[str, Any], index: int) -> tuple[str, dict[str, Any]]:
        torrent_id, size = self._random.randbytes(20).hex(), self._random.randrange(10**8, 10**10)
        name = f"Synthetic.Show.S{index // 25:02}E{index % 25:02}.1080p.WEB-DL.x264-{torrent_id[:6].upper()}"
        added = _FIRST_ADDED + 60 * index
        category = self._random.choice(("tv", "movies", ""))
        sizes = dict.fromkeys(("size", "total_size", "completed", "downloaded"), size)
        nothing = dict.fromkeys(("upspeed", "dlspeed", "uploaded", "ratio"), 0)
        times = {"added_on": added, "completion_on": added + 50}
        about = {"name": name, "infohash_v1": torrent_id, "category": category, "content_path": f"/downloads/{name}"}
        return torrent_id, sample | about | sizes | nothing | times | {"state": "stalledUP"}

    @override
    def _sync_maindata(self, call: dict[str, Any]) -> Answer:
        cookie, rid = call["cookie"] or "", int(call["query"].get("rid", 0))
        last, untold = self._log.get(cookie, (0, {}))
        self._log[cookie] = (last + 1, {})
        told: dict[str, Any] = {"rid": last + 1, "server_state": self.state}
        if rid == 0 or rid != last:
            return _json(told | {"full_update": True, "torrents": self.torrents})
        return _json(told | {"torrents": untold} if untold else {"rid": last + 1})

    @override
    def forget_sessions(self) -> None:
        super().forget_sessions()
        self._log.clear()


def movers(count: int) -> int:
    """How many of so many rows move at a time."""
    return max(1, int(count * SHARE))


def _json(value: object) -> Answer:
    return Answer(body=msgspec.json.encode(value))
