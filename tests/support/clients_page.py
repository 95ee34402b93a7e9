"""docs/clients.md out of what the suites declare and what their last run with real clients showed. Values only.

The report (`tests/contract/clients_report.json`) is written by `make clients-page` after a run in which every test
passed: `{type: {version: [cases that passed]}}`; that of the edits (`edits_report.json`) is alike. The same reports
and the same classes always give the same page; a case that is new in a class comes into it with the next run.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import NamedTuple, TypeVar

from clients.client_suite import RealClientSuite
from clients.edit_suite import EditSuite
from contract.adapter_suite import RecordedSuite
from sluice_client_poller.adapters.registry import FACTORIES
from sluice_client_poller.adapters.versions import KNOWN
from sluice_common.model.enums import State
from support.abilities import Ability, marked
from support.edit_abilities import EditAbility, why_not

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "clients.md"
REPORT = ROOT / "tests" / "contract" / "clients_report.json"
EDITS_REPORT = ROOT / "tests" / "contract" / "edits_report.json"

Suite = TypeVar("Suite")
Report = Mapping[str, Mapping[str, list[str]]]


class Suites(NamedTuple):
    """The suites of one kind of client."""

    live: type[RealClientSuite]
    recorded: type[RecordedSuite]
    edits: type[EditSuite]

    @property
    def shown(self) -> list[str]:
        """What the tests against the real client show when all pass, sorted."""
        return sorted({str(shown) for _, shown in marked(self.live)})

    @property
    def recorded_states(self) -> set[State]:
        """The states that recorded rows are mapped to."""
        return {meaning.state for states in self.recorded.RECORDED.values() for meaning in states.values()}


def suites() -> dict[str, Suites]:
    """The suites by type, in the order of the adapters' registry. A kind without all of them is an error."""
    return {
        kind: Suites(
            _suite(f"clients.test_{kind}", RealClientSuite, kind),
            _suite(f"contract.{kind}.test_adapter", RecordedSuite, kind),
            _suite(f"clients.test_{kind}_edits", EditSuite, kind),
        )
        for kind in FACTORIES
    }


def read_report(path: Path = REPORT) -> Report:
    """The committed report of the suites, or of the edits."""
    report: Report = json.loads(path.read_text())
    return report


def with_run(report: Report, kind: str, version: str, passed: list[str]) -> Report:
    """The report after a run of all of today's cases; what other versions passed that is no case any more goes."""
    others = {other: [case for case in passed if case in cases] for other, cases in report.get(kind, {}).items()}
    return {**report, kind: {**others, version: passed}}


def recorded(kind: str, suite: Suites) -> list[str]:
    """The versions of which there are recorded replies."""
    return [folder.removeprefix(f"{kind}-") for folder in suite.recorded.RECORDED]


def page(report: Report, edits: Report) -> str:
    """The whole page, of the last runs of the suites and of the edits."""
    kinds = suites()
    parts = (
        _head(report, kinds),
        _abilities(kinds),
        _changes(edits, kinds),
        _states(kinds),
        _cases(report, kinds),
        _edit_cases(edits, kinds),
        _each(report, edits, kinds),
    )
    return "\n".join(chain.from_iterable(parts))


def _suite(module: str, base: type[Suite], kind: str) -> type[Suite]:
    return next(
        found
        for found in vars(importlib.import_module(module)).values()
        if isinstance(found, type) and issubclass(found, base) and vars(found).get("CLIENT") == kind
    )


def _head(report: Report, kinds: Mapping[str, Suites]) -> Iterator[str]:
    yield "# The download clients"
    yield ""
    yield "Made by `make clients-page` from the suites that every client passes: `tests/clients` with the real"
    yield "programs, `tests/contract` over recorded replies. A page that is not what they show fails a test."
    yield ""
    yield "What was neither run nor recorded, and whose documented API says what Sluice needs, is taken as known;"
    yield "`sluice doctor` tells the difference. Others may work all the same, with a warning."
    yield ""
    yield from _table(
        (
            "",
            "`type`",
            "run for real",
            "by recorded replies",
            "documented API",
            "a poll brings",
            "speaks",
        ),
        (
            (
                suite.live.NAME,
                f"`{kind}`",
                ", ".join(sorted(report[kind])),
                ", ".join(recorded(kind, suite)),
                _documented(kind),
                "what changed" if suite.live.DELTAS else "the whole list",
                suite.live.SPEAKS,
            )
            for kind, suite in kinds.items()
        ),
    )


def _documented(kind: str) -> str:
    known = KNOWN[kind]
    return f"{known.since[0]}.{known.since[1]} up to, not with, {known.before[0]}.{known.before[1]}"


def _abilities(kinds: Mapping[str, Suites]) -> Iterator[str]:
    yield "## What each does"
    yield ""
    yield from _table(
        ("", *(suite.live.NAME for suite in kinds.values())),
        ((ability, *(_can(suite, ability) for suite in kinds.values())) for ability in Ability),
    )


def _can(suite: Suites, ability: Ability) -> str:
    answer = "yes" if ability in suite.shown else "no"
    note = suite.live.NOTES.get(ability)
    return f"{answer}; {note}" if note else answer


def _changes(report: Report, kinds: Mapping[str, Suites]) -> Iterator[str]:
    yield "## Edits"
    yield ""
    yield "What the edit suites (`tests/clients/edit_suite.py`) ask of each running client. A no is asserted too: it is"
    yield "refused as `unsupported`, and nothing changes. All of it passed with the versions named here."
    yield ""
    columns = [(suite, version) for kind, suite in kinds.items() for version in _whole(report, kind, suite)]
    yield from _table(
        ("", *(f"{suite.live.NAME} {version}" for suite, version in columns)),
        ((ability, *(_changes_it(suite, version, ability) for suite, version in columns)) for ability in EditAbility),
    )


def _whole(report: Report, kind: str, suite: Suites) -> list[str]:
    """The versions that passed every case of today's edit suite."""
    return sorted(version for version, passed in report[kind].items() if passed == suite.edits.cases())


def _changes_it(suite: Suites, version: str, ability: EditAbility) -> str:
    why = why_not(suite.edits.CANNOT.get(ability), version)
    return f"no: {why}" if why else "yes"


def _states(kinds: Mapping[str, Suites]) -> Iterator[str]:
    yield "## States that were seen"
    yield ""
    yield "*Real*: a test waited until the running client was in it. *Recorded*: one of its replies says so."
    yield ""
    seen = [state for state in State if any(_saw(suite, state) for suite in kinds.values())]
    yield from _table(
        ("", *(suite.live.NAME for suite in kinds.values())),
        ((f"`{state}`", *(_saw(suite, state) or "–" for suite in kinds.values())) for state in seen),
    )


def _saw(suite: Suites, state: State) -> str:
    where = {"real": state in suite.shown, "recorded": state in suite.recorded_states}
    return ", ".join(name for name, seen in where.items() if seen)


def _cases(report: Report, kinds: Mapping[str, Suites]) -> Iterator[str]:
    """Client × version × case: the cases of every client."""
    yield "## Every case with every version"
    yield ""
    yield "What each running client was put through, by version; *its own*: in a way that its limits below explain."
    yield "What only one client has follows with that client."
    yield ""
    yield from _matrix(report, kinds, RealClientSuite)


def _edit_cases(report: Report, kinds: Mapping[str, Suites]) -> Iterator[str]:
    """The same of the edits."""
    yield "## Every case of the edits with every version"
    yield ""
    yield "Where a client cannot, the case is that it refuses and changes nothing. In the last ones the client freezes"
    yield "(SIGSTOP) while a command is on its way to it, every verb, every edit and every change of the whole client:"
    yield "nobody is told that it was done, it takes effect once or never, its repetition is not sent, the history says"
    yield "that the outcome is unknown, and what is shown afterwards is what the client's own API says."
    yield ""
    yield from _matrix(report, kinds, EditSuite)


def _matrix(report: Report, kinds: Mapping[str, Suites], base: type) -> Iterator[str]:
    columns = [(kind, version) for kind in kinds for version in sorted(report[kind])]
    yield from _table(
        ("", *(f"{kinds[kind].live.NAME} {version}" for kind, version in columns)),
        ((case, *(_passed(report, kinds, *column, case, base) for column in columns)) for case in _shared(report)),
    )


def _own_cases(report: Report, kinds: Mapping[str, Suites], kind: str, base: type, title: str) -> Iterator[str]:
    shared = set(_shared(report))
    own = [case for case in _named(report[kind]) if case not in shared]
    yield from _table(
        (title, *sorted(report[kind])),
        (
            (case, *(_passed(report, kinds, kind, version, case, base) for version in sorted(report[kind])))
            for case in own
        ),
    )


def _passed(report: Report, kinds: Mapping[str, Suites], kind: str, version: str, case: str, base: type) -> str:
    """`base` is the suite that all kinds have: what a kind's class has in its place is its own way."""
    if case not in report[kind][version]:
        return "not run"
    name = f"test_{case.replace(' ', '_')}"
    suite = kinds[kind].live if base is RealClientSuite else kinds[kind].edits
    return "its own" if name in vars(suite) and hasattr(base, name) else "passed"


def _shared(report: Report) -> list[str]:
    """The cases that every kind has, in the order of the first."""
    first, *others = [_named(runs) for runs in report.values()]
    return [case for case in first if all(case in other for other in others)]


def _named(runs: Mapping[str, list[str]]) -> list[str]:
    """The cases that any version passed."""
    return list(dict.fromkeys(case for version in sorted(runs) for case in runs[version]))


def _each(report: Report, edits: Report, kinds: Mapping[str, Suites]) -> Iterator[str]:
    for kind, suite in kinds.items():
        yield f"## {suite.live.NAME}"
        yield ""
        yield f"**Complete** is {suite.live.COMPLETE}"
        yield ""
        yield f"**The epoch** (which tells a download that was added again from the old one) is {suite.live.EPOCH}"
        yield ""
        yield "**What it calls what** (recorded):"
        yield ""
        yield from _table(("there", "here"), _words(suite))
        yield "**Limits**"
        yield ""
        yield from (f"- {limit}" for limit in suite.live.LIMITS)
        yield ""
        yield from _own_cases(report, kinds, kind, RealClientSuite, "its own cases")
        yield from _own_cases(edits, kinds, kind, EditSuite, "its own cases of the edits")


def _words(suite: Suites) -> Iterator[tuple[str, str]]:
    """The client's own word for a state (the first part of a sample's name), and what it became."""
    found: dict[str, set[str]] = {}
    for states in suite.recorded.RECORDED.values():
        for name, meaning in states.items():
            found.setdefault(name.partition("__")[0], set()).add(f"`{meaning.state}`")
    for word in sorted(found, key=str.lower):
        yield f"`{word}`", ", ".join(sorted(found[word]))


def _table(head: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield "|---" * len(head) + "|"
    for row in rows:
        yield f"| {' | '.join(row)} |"
    yield ""
