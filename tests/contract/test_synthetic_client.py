"""The synthetic qBittorrent of the benchmarks keeps what recorded clients keep: what is measured with it is real."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from typing_extensions import override

from bench.synthetic import SyntheticQbittorrent
from contract.adapter_suite import WRONG_PASSWORD, SessionSuite
from sluice_client_poller.adapters.qbittorrent.client import QbittorrentAdapter
from sluice_common.model.download import Download
from sluice_common.model.enums import State
from support.recorded_qbittorrent import API, adapter_of
from support.replay import Replay

COUNT = 200


@pytest.fixture
def synthetic() -> SyntheticQbittorrent:
    """One with some rows."""
    return SyntheticQbittorrent(COUNT, seed=1)


@pytest.fixture
def replay(synthetic: SyntheticQbittorrent) -> Iterator[Replay]:
    """The same behind HTTP."""
    with Replay(synthetic) as running:
        yield running


class TestSyntheticQbittorrent(SessionSuite):
    """The suites of every adapter that need no recorded states."""

    poll_method = API + "sync/maindata"

    @override
    @pytest.fixture
    def healthy(self, replay: Replay) -> Replay:
        """A client that answers everything a poll asks."""
        return replay

    @override
    def make(self, url: str) -> QbittorrentAdapter:
        """The adapter of a client at `url` with the right password."""
        return adapter_of(url)

    @override
    def refused(self, url: str) -> QbittorrentAdapter:
        """The adapter of a client at `url` with `WRONG_PASSWORD`."""
        return adapter_of(url, WRONG_PASSWORD)

    @override
    def restart(self, healthy: Replay) -> None:
        """Let it forget its sessions, as it does when it is started again."""
        assert isinstance(healthy.answer, SyntheticQbittorrent)
        healthy.answer.forget_sessions()


async def test_its_deltas_come_to_its_list(synthetic: SyntheticQbittorrent, replay: Replay) -> None:
    """Second by second a few rows move, and all that is told in parts is what a whole list says in the end."""
    adapter, fresh = adapter_of(replay.url), adapter_of(replay.url)
    held: dict[str, Download] = {row.id: row for row in (await adapter.poll()).rows}
    for _ in range(5):
        synthetic.step()
        poll = await adapter.poll()
        assert not poll.whole
        assert 0 < len(poll.rows) < COUNT
        held.update((row.id, row) for row in poll.rows)
    assert {row.id: row for row in (await fresh.poll()).rows} == held
    assert len(held) == COUNT
    moving = [row for row in held.values() if row.up_speed]
    assert moving
    assert all(row.state is State.SEEDING and row.is_complete for row in held.values())
    await adapter.close()
    await fresh.close()


def test_it_is_the_same_every_time() -> None:
    """The seed decides on all of it, so that two runs measure the same."""
    first, second, other = (SyntheticQbittorrent(20, seed) for seed in (1, 1, 2))
    for client in (first, second, other):
        client.step()
    assert first.torrents == second.torrents
    assert first.torrents != other.torrents
