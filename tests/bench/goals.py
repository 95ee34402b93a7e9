"""The page's part on cost and scale: what was aimed at, beside what was measured."""

from __future__ import annotations

from collections.abc import Iterator

from bench.scale import INTERVAL
from bench.synthetic import SHARE
from bench.tables import MISSING, Values, line, parts_of, ruler, show, show_all

_HEAD = """
## Cost and scale

What was aimed at stands beside what was measured. Every client has `interval: {interval:g}` here, where nothing else is
said. `make bench ONLY="idle scale takeover"` measures this part alone, and takes about a quarter of an hour; the newer
clients come from the folder of `make trixie` (or another: `TRIXIE=`).
"""
_IDLE = """
### Nothing happens

Real clients with tiny stopped torrents; percent of one core over 30 s, first while nobody watches, then while somebody
watches the first 100 rows.

- *steady*: the poller also asks for a whole list now and then, the more seldom the more that costs, at the latest after
  five minutes. Whether 30 s have one is chance; the middle one of fifteen parts of them is without it.
- Transmission calls everything active for a minute after it loaded it; the look begins after that.
- qBittorrent 4.5 compares all its torrents for every answer, and the interval follows what that costs. It is polled so
  seldom that there the look begins and ends with the end of a poll. It is also measured without an `interval`, when
  rows in sight are asked for by name.

"""
_SCALE = """
### Fleets at one interval

Synthetic qBittorrents as those below, with {share:.0%} of their rows changing in every {interval:g} s: one by one, at
moments that fit no rhythm, half of them beginning to move and half stopping. A viewer watches the 100 fastest rows.

- *CPU* and *memory* are of 30 s in which nobody asks the services how they are.
- *longest stall* is of another 30 s, in which `/health` is asked every 20 ms: the longest answer, which is also the
  fault of whatever else the machine did, and *its own*: the most CPU that the poller's thread used between a question
  and its answer.
- *change → bus*: from a row's change in the client until the frame that has it reaches a subscriber of the bus.
  *answer → bus*: the same from the client's answer that told it. Both for every row that began to move.

"""
_TAKEOVER = """
### Three pollers

They share the clients of a fleet, several times over, each time on a new bus. *first polls*: after all three were
started at once, by the clients' own word. *taken over*: from the kill -9 of one until each of its clients was polled
again, by another.

"""
# Of real clients: kind and version, what is configured, and the most that poller and client may use: alone, watched.
_GOALS = (
    ("qbittorrent-5.1", ("≤ 1", "≤ 1"), ("", "")),
    ("transmission-4.1", ("≤ 1", "≤ 1"), ("", "")),
    ("qbittorrent-4.5", ("", ""), ("≤ 5", "≤ 25")),
)
_NEWER = ("qbittorrent-5.1", "transmission-4.1")
_NOT_RUN = "not run: needs `make trixie`"
_PACES = {"fixed": f"`interval: {INTERVAL:g}`", "default": "nothing"}
_LOOKS = {"alone": "nobody", "watched": "somebody"}
_BUS = 1000 * INTERVAL + 50  # ms
_SCALE_ROWS = (
    ("CPU of the poller, % of a core", "≤ 25", ("cpu_client-poller",)),
    ("memory of the poller, MB", "≤ 400", ("memory_client-poller",)),
    ("longest stall of the poller, ms", "≤ 50", ("stall_watching_client-poller",)),
    ("of that its own, ms", "≤ 50", ("busy_watching_client-poller",)),
    ("change → bus, ms: median, p99", f"p99 ≤ {_BUS:,.0f}", ("since_change_median", "since_change_p99")),
    ("its p99 less the interval, ms", "≤ 50", ("beyond_interval",)),
    ("answer → bus, ms: median, p99", "", ("since_answer_median", "since_answer_p99")),
    ("changes that were followed, and not found", "", ("since_change_samples", "unheard")),
    ("frames a second", "", ("frames",)),
    ("CPU of the gateway, % of a core", "", ("cpu_gateway",)),
    ("memory: gateway, all, MB", "", ("memory_gateway", "memory_all")),
    ("CPU of the clients, all in one process, % of a core", "", ("cpu_fleet",)),
)
_TAKEOVER_ROWS = (
    ("taken over after, s: median, p99, slowest", "≤ 20", ("taken_median", "taken_p99", "taken_slowest")),
    ("clients that were taken over", "", ("taken_samples",)),
    ("first polls within the densest 100 ms, of all", "no herd", ("densest",)),
    ("from the first to the last first poll, s", "", ("first_polls",)),
)


def section(values: Values) -> str:
    """All of it."""
    told = {"interval": INTERVAL, "share": SHARE}
    parts = [_HEAD.format(**told), _IDLE, *_idle_table(values)]
    parts += [_SCALE.format(**told), *_table(values, "scale", _SCALE_ROWS, "{} × {:,}")]
    parts += [_TAKEOVER, *_table(values, "takeover", _TAKEOVER_ROWS, "{} pollers, {:,} clients")]
    return "".join(parts)


def _idle_table(values: Values) -> Iterator[str]:
    heads = (
        "client",
        "torrents",
        "configured",
        "watching",
        "poller % (steady)",
        "goal",
        "client %",
        "goal",
        "gateway %",
    )
    yield line(*heads) + ruler(len(heads))
    parts = parts_of(values, "idle")
    for part, n in parts:
        for pace in _PACES:
            if ("idle", part, n, f"{pace}_alone_client") in values:
                yield from _idle_lines(values, part, n, pace)
    for client in _NEWER:
        if not any(part.startswith(client) for part, _ in parts):
            yield line(client.replace("-", " "), MISSING, "", "", _NOT_RUN, "≤ 1", "", "", "")


def _idle_lines(values: Values, part: str, n: int, pace: str) -> Iterator[str]:
    goals = next((each[1:] for each in _GOALS if part.startswith(each[0])), (("", ""), ("", "")))
    for index, (look, who) in enumerate(_LOOKS.items()):
        poller, steady, client, gateway = (
            show(values, "idle", part, n, f"{pace}_{look}_{name}")
            for name in ("client-poller", "steady", "client", "gateway")
        )
        named = (part.replace("-", " "), f"{n:,}", _PACES[pace]) if index == 0 else ("", "", "")
        yield line(*named, who, f"{poller} ({steady})", goals[0][index], client, goals[1][index], gateway)


def _table(values: Values, bench: str, rows: tuple[tuple[str, str, tuple[str, ...]], ...], head: str) -> Iterator[str]:
    """A column for each part, and one with the goals."""
    parts = parts_of(values, bench)
    heads = [head.format(part.partition("-")[0], n) for part, n in parts]
    yield line("", "goal", *heads) + ruler(2 + len(heads))
    for label, goal, metrics in rows:
        yield line(label, goal, *(show_all(values, bench, part, n, metrics) for part, n in parts))
