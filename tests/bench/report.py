"""Makes docs/benchmarks.md of the figures: `PYTHONPATH=tests .venv/bin/python -m bench.report FIGURES PAGE`."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from bench import goals
from bench.figures import SEED, Figure, machine, read
from bench.pager import VIEWS
from bench.synthetic import SHARE
from bench.tables import MISSING, Values, by_key, line, parts_of, ruler, show, show_all

MACHINE = "machine.txt"
# Flood in front of qBittorrent 4.5.2 on a machine of this kind, measured once; it does not run in this benchmark.
FLOOD: Mapping[int, tuple[float, float, float, float, float]] = {
    1000: (4.8, 1.5, 2.2, 4, 7),
    10_000: (21.7, 2.8, 5.7, 8, 38),
}

_HEAD = """# Benchmarks

Made by `make bench`, which measures every part that is not in `build/bench` yet and writes this page; `make bench
AGAIN=1` measures all anew, `make bench ONLY="clients fleets" KINDS=qbittorrent SIZES=10000 FLEETS=100` parts of it (of
`clients`, `fleets`, `finished`, `idle`, `scale` and `takeover`), `make bench SMOKE=1` tries in a minute or two whether
it runs. The figures are JSON lines (`bench`, `part`, `n`, `metric`, `value`, `unit`, `seed`, `at`), a file per part.
Load generators, viewers and whatever stands against us are processes of their own. A quantile is always a sample that
was seen: of 20 samples the 99th percentile is the slowest.
"""
_CLIENTS = """
## Real clients full of torrents

qBittorrent 4.5.2 and Transmission 3.00 (Debian 12) hold tiny stopped torrents; `sluice up` stands in front of them with
its default configuration, a process per service.

- *cold*: from the start of `sluice up`, installed, on a bus that knows no table of this client, until `GET /queue`
  counts every torrent. PostgreSQL, NATS and all services start in that time.
- *change*: from sending a change to the client itself (qBittorrent: another category; Transmission: started, stopped)
  until the event that tells it has reached a viewer of the first 100 rows. The client's own time for the command is in
  it. Between changes lies 0.3 to 1.3 s. The row is one that the viewer sees: of a client that is slow to say what
  changed (qBittorrent 4.5) such rows are asked for by name; one out of sight comes with the next poll, with 10,000
  torrents after up to ten seconds.
- *itself*, *client*: percent of one core over 30 s in which nothing changes and one viewer watches; for Sluice poller
  and gateway together, and each in brackets.
- *whole list*: in the same run, after Sluice was stopped: a program that asks the same client for its whole list, waits
  a second, and asks again (12 s of idling, 10 changes). It shows nobody anything.
- *Flood* is quoted: it was measured in front of qBittorrent 4.5.2 on a machine of this kind, and does not run here.
"""
_FLEETS = """
## Fleets

Synthetic qBittorrents with 1,000 seeding torrents each, of which {share:.0%} move every second (speed, uploaded, ratio,
state); they keep the suite of qBittorrent's recordings (`tests/contract/test_synthetic_client.py`), so that poller,
adapter, bus and gateway are the real ones. A viewer watches the 100 fastest rows, which is where all that moves is.

- *frame → event*: from the poller's frame reaching a subscriber of the bus until the event that holds its row reaches
  the viewer, timed in that viewer's process, for the fastest row of each client. The gateway tells at most four times a
  second.
- *page*: `GET /queue` with 100 rows of all, one after another, the first page and the one after it in turn, while
  everything moves.
- *longest stall*: the longest answer of `/health`, asked every 20 ms: an event loop that could not be had, and whatever
  else the machine did.
- *memory* is the proportional share (PSS); *all* is `sluice up` with NATS and PostgreSQL.
"""
_FINISHED = """
## Finished in the client, linked in the library

Small films through a real qBittorrent from a seeder on loopback, one after another. From the first answer of the client
(asked directly every 20 ms) that says it has every byte verified and in place, until the hardlink is there (looked for
every 5 ms).
"""
_INNER = """
## Inside

Two more, for whoever changes the code: `PYTHONPATH=tests .venv/bin/python -m bench.poll_cost --rows 10000` (CPU per
poll) and `… -m bench.frame_cost --rows 10000` (what a frame costs the gateway).
"""


def page(figures: Sequence[Figure], on: str) -> str:
    """The whole page; figures that are not there are shown as a dash."""
    values = by_key(figures)
    days = sorted({each.at.date().isoformat() for each in figures})
    taken = " and ".join({days[0]: 0, days[-1]: 0}) if days else "never"
    parts = [_HEAD, f"\nTaken {taken} on: {on}. Seed {SEED}.\n", goals.section(values)]
    parts += [_CLIENTS, *_client_tables(values)]
    parts += [_FLEETS.format(share=SHARE), _fleet_table(values), _FINISHED, _finished_table(values), _INNER]
    return "".join(parts)


def _client_tables(values: Values) -> Iterator[str]:
    for kind in sorted({part for bench, part, _, _ in values if bench == "clients"}):
        yield f"\n### {kind}\n\n| torrents | | cold s | change: median s | p95 s | itself % | client % |\n"
        yield "|---|---|---|---|---|---|---|\n"
        for n in sorted({n for bench, part, n, _ in values if (bench, part) == ("clients", kind)}):
            yield line(f"{n:,}", "**Sluice**", *_ours(values, kind, n))
            names = ("cold", "change_median", "change_p95", "cpu_asker", "cpu_client")
            yield line("", "whole list", *(show(values, "clients", kind, n, f"beside_{name}") for name in names))
            if kind == "qbittorrent" and n in FLOOD:
                yield line("", "Flood", *(f"{value:g}" for value in FLOOD[n]))


def _ours(values: Values, kind: str, n: int) -> list[str]:
    shown = [show(values, "clients", kind, n, name) for name in ("cold", "change_median", "change_p95")]
    pair = [values.get(("clients", kind, n, f"cpu_{name}")) for name in ("client-poller", "gateway")]
    both = [each.value for each in pair if each is not None]
    itself = f"{sum(both):.1f} ({both[0]:.1f} + {both[1]:.1f})" if len(both) == len(pair) else MISSING
    return [*shown, itself, show(values, "clients", kind, n, "cpu_client")]


_FLEET_ROWS = (
    ("cold, s", ("cold",)),
    ("frames a second", ("frames",)),
    ("frame → event, ms: median, p99", ("frame_to_sse_median", "frame_to_sse_p99")),
    *(
        (f"page {view.replace('_', ' ')}, ms: median, p99", (f"page_{view}_median", f"page_{view}_p99"))
        for view in VIEWS
    ),
    ("CPU of the poller, % of a core", ("cpu_client-poller",)),
    ("CPU of the gateway, % of a core", ("cpu_gateway",)),
    ("CPU of the clients, all in one process, % of a core", ("cpu_fleet",)),
    ("memory: poller, gateway, all, MB", ("memory_client-poller", "memory_gateway", "memory_all")),
    (
        "longest stall of the poller, ms: watching, paging",
        ("stall_watching_client-poller", "stall_paging_client-poller"),
    ),
    ("longest stall of the gateway, ms: watching, paging", ("stall_watching_gateway", "stall_paging_gateway")),
)


def _fleet_table(values: Values) -> str:
    fleets = parts_of(values, "fleets")
    heads = [f"{part.partition('-')[0]} × {n:,}" for part, n in fleets]
    lines = ["\n", line("", *heads), ruler(len(fleets) + 1)]
    for label, metrics in _FLEET_ROWS:
        cells = [show_all(values, "fleets", part, n, metrics) for part, n in fleets]
        lines.append(line(label, *cells))
    return "".join(lines)


def _finished_table(values: Values) -> str:
    lines = ["\n| downloads | median s | p99 s |\n|---|---|---|\n"]
    for bench, part, n, metric in sorted(values):
        if (bench, metric) == ("finished", "finished_to_linked_median"):
            cells = [show(values, bench, part, n, f"finished_to_linked_{name}") for name in ("median", "p99")]
            lines.append(line(f"{n}", *cells))
    return "".join(lines)


def write(figures: Path, target: Path) -> None:
    """The page of a directory of figures, with the machine that they were taken on."""
    noted = figures / MACHINE
    target.write_text(page(read(figures), noted.read_text().strip() if noted.exists() else machine()))


if __name__ == "__main__":
    write(Path(sys.argv[1]), Path(sys.argv[2]))
