"""What the part on cost and scale concludes from what it saw, and how its page tells it. No figure is judged here."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench import goals, idle, scale, synthetic, takeover
from bench.figures import Sheet
from bench.tables import by_key
from support import client_root

CHANGED = 10.0


def test_a_change_is_followed_to_the_first_frame_that_has_it() -> None:
    """Since the change and since the answer, in milliseconds; a later keyframe with the same row does not count."""
    answers = [{"at": CHANGED + 1.5, "begun": [["c000", "ab", 7, CHANGED], ["c000", "cd", 8, CHANGED + 1]]}]
    heard = [
        {"at": CHANGED + 9, "rows": [["c000", "ab", 7]]},  # a viewer's event, and no frame
        {"frame": CHANGED + 1.75, "rows": [["c000", "ab", 7], ["c001", "cd", 8]]},
        {"frame": CHANGED + 2, "rows": [["c000", "ab", 7], ["c000", "cd", 9]]},  # a keyframe later
    ]
    late = scale.lateness(answers, heard)
    assert (late.since_change, late.since_answer, late.unheard) == ([1750.0], [250.0], 1)


@pytest.mark.parametrize(
    ("moments", "most"),
    [((), 0), ((5.0,), 1), ((0.0, 0.06, 0.12, 0.15, 0.3), 3), ((3.0, 1.0, 2.0), 1), ((1.0, 1.0), 2)],
)
def test_a_herd_is_counted_where_it_is_densest(moments: tuple[float, ...], most: int) -> None:
    """The window may begin at any first poll, in whatever order they came."""
    assert takeover.densest(moments, 0.1) == most


def test_a_hundredth_of_the_rows_changes_in_an_interval() -> None:
    """Half of what changes begins, with a speed that can be told from every other, and half stops."""
    client = synthetic.SyntheticQbittorrent(1000, seed=1)
    begun = [client.shift() for _ in range(25)]
    before = {key: dict(row) for key, row in client.torrents.items()}
    begun += [client.shift() for _ in range(5)]
    changed = [key for key, row in client.torrents.items() if row != before[key]]
    assert len(changed) == synthetic.SHARE * 1000
    assert len({speed for _, speed in begun}) == len(begun)
    moving = {key: row["upspeed"] for key, row in client.torrents.items() if row["upspeed"]}
    assert moving == dict(begun[-10:])


@pytest.fixture
def _configured(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv(client_root.VARIABLE, "/configured")
    yield
    assert os.environ[client_root.VARIABLE] == "/configured"


@pytest.mark.usefixtures("_configured")
def test_clients_are_those_that_the_page_names() -> None:
    """Whatever folder the tests are told to use: this machine's are this machine's, and it is put back."""
    with idle.clients_of(None):
        assert client_root.folder() is None
        with idle.clients_of(Path("/newer")):
            assert client_root.folder() == Path("/newer")
        assert client_root.folder() is None


def test_the_page_has_the_goal_beside_the_figure() -> None:
    """Each client has the goals of its version, and what was not run says what it needs."""
    newer, older = Sheet("idle", "qbittorrent-5.1.0", 10_000), Sheet("idle", "qbittorrent-4.5.2", 10_000)
    newer.add("fixed_alone_client-poller", 0.5, "% of a core")
    newer.add("fixed_alone_client", 0.7, "% of a core")
    older.add("default_alone_client", 4.0, "% of a core")
    older.add("default_watched_client", 20.0, "% of a core")
    fleet, killed = Sheet("scale", "100-clients", 1000), Sheet("takeover", "3-pollers", 100)
    fleet.add("since_change_median", 1000, "ms")
    fleet.add("since_change_p99", 2040, "ms")
    killed.add("densest", 7, "")
    page = goals.section(by_key([*newer.figures, *older.figures, *fleet.figures, *killed.figures]))
    assert "| qbittorrent 5.1.0 | 10,000 | `interval: 2` | nobody | 0.5 (–) | ≤ 1 | 0.7 |  | – |" in page
    assert "| qbittorrent 4.5.2 | 10,000 | nothing | nobody | – (–) |  | 4.0 | ≤ 5 | – |" in page
    assert "|  |  |  | somebody | – (–) |  | 20.0 | ≤ 25 | – |" in page
    assert "| transmission 4.1 | – |  |  | not run: needs `make trixie` | ≤ 1 |" in page
    assert "qbittorrent 5.1 |" not in page
    assert "| change → bus, ms: median, p99 | p99 ≤ 2,050 | 1,000.0, 2,040.0 |" in page
    assert "| first polls within the densest 100 ms, of all | no herd | 7 |" in page
