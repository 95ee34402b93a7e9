"""The machine is a test only if it fails on broken code: each rule of the table is broken here, and it must notice."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from typing_extensions import override

from sluice_common.contracts import frames
from support.replicated_table import Subject
from support.table_machine import TableMachine


class _Unfenced(Subject):
    def __init__(self) -> None:
        super().__init__()
        self.honours_fence = False


class _UnfencedMachine(TableMachine):
    @override
    def make_subject(self) -> Subject:
        return _Unfenced()


def _run(machine: type[TableMachine]) -> None:
    quick = settings(
        max_examples=1500,
        stateful_step_count=50,
        derandomize=True,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(machine, settings=quick)


def _broken(function: Callable[..., object], old: str, new: str) -> object:
    """The function with one piece of its source replaced, compiled in its own module."""
    source = textwrap.dedent(inspect.getsource(function))
    assert source.count(old) == 1, f"{function.__qualname__} does not say {old!r} once"
    namespace: dict[str, object] = {}
    exec(compile(source.replace(old, new), f"<broken {function.__qualname__}>", "exec"), vars(frames), namespace)  # noqa: S102
    return namespace[function.__name__]


MUTANTS = {
    "a reader applies a frame before all of its parts are there": (
        frames.Reader, "feed", "len(self._parts) < frame.parts", "False",
    ),
    "a reader joins parts of different frames": (
        frames.Reader, "_collect",
        "frame.part != len(self._parts) or frame.frame_id != self._parts[0].frame_id", "False",
    ),
    "a reader ignores incarnation and predecessor": (
        frames.Reader, "_apply_delta",
        "head.incarnation != table.incarnation or head.previous != table.sequence", "False",
    ),
    "deltas without a keyframe make an empty table": (
        frames.Reader, "_apply_delta", "return Outcome.IGNORED",
        "table = self.table = Table(head.incarnation, 0, head.previous, 0, head.polled_at, {}, {})",
    ),
    "a writer fences with its table, not with the last message": (
        frames, "adopt", "Writer(incarnation, table, reader.fence, unannounced)",
        "Writer(incarnation, table, table.sequence if table else 0, unannounced)",
    ),
    "a keyframe goes over frames that are not announced": (
        frames.Writer, "plan_keyframe", "if self.unannounced:", "if False:",
    ),
    "the purge goes up to a keyframe that is not complete": (
        frames.Reader, "feed", "self._start = sequence",
        "self._start = sequence; self.keyframe_start = sequence if frame.kind is FrameKind.KEY else 0",
    ),
    "the purge goes up to the keyframe's last part": (
        frames.Reader, "_apply_key", "self.keyframe_start = self._start", "self.keyframe_start = sequence",
    ),
    "the header claims as announced what is only committed": (
        frames.Writer, "_plan", "announced=self.announced", "announced=self._number",
    ),
    "a taker-over derives nothing": (
        frames, "adopt", "applied.number > table.announced", "False",
    ),
    "a poller forgets its table when the stream is lost": (
        frames, "adopt", "table is None and memory is not None", "False",
    ),
    "a poller forgets its table once half a keyframe lies on the new stream": (
        frames, "adopt", "table is None and memory is not None", "reader.fence == 0 and memory is not None",
    ),
    "a poller forgets unannounced events when the stream is lost": (
        frames, "_reincarnate", "fence, memory.unannounced)", "fence, ())",
    ),
    "a keyframe drops the tombstones": (
        frames.Writer, "plan_keyframe", "() if self.baseline is None else self.baseline.tombstones.values()", "()",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", MUTANTS)
def test_a_broken_rule_is_noticed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each rule is there because its absence breaks a trace; the machine finds that trace."""
    owner, attribute, old, new = MUTANTS[name]
    monkeypatch.setattr(frames, "MAX_PART_ROWS", 1)
    monkeypatch.setattr(owner, attribute, _broken(getattr(owner, attribute), old, new))
    if attribute == "adopt":
        monkeypatch.setattr("support.replicated_table.adopt", frames.adopt)
        monkeypatch.setattr("support.table_machine.adopt", frames.adopt)
    with pytest.raises((AssertionError, KeyError)):
        _run(TableMachine)


def test_a_stream_that_does_not_fence_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """If the server took every publish, two pollers would overwrite each other."""
    monkeypatch.setattr(frames, "MAX_PART_ROWS", 1)
    with pytest.raises((AssertionError, KeyError)):
        _run(_UnfencedMachine)
