"""What a command changes, as its event tells it: field by field, from what to what. Pure.

Nothing here tells a source or an announce URL: they hold pass keys, and history is kept for ever. Of a tracker its host
is told, and in what people type a URL becomes its host.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import groupby
from typing import Any

from sluice_client_poller.adapters.words import hosts, scrub
from sluice_common.contracts import commands
from sluice_common.contracts.events import ChangedField
from sluice_common.model import edits
from sluice_common.model.download import Download

Value = str | int | float | bool | tuple[str, ...] | None

# An event is to be read by people; a bus refuses a message over 1 MB.
_LONGEST = 300
_MOST = 20
# What an add says beside its source, in the order in which it is told.
_OF_AN_ADD = (
    "category",
    "tags",
    "save_path",
    "paused",
    "sequential",
    "first_last",
    "download_limit",
    "upload_limit",
)


def changes(body: object, before: Download | None) -> tuple[ChangedField, ...]:
    """What the command asked for; `was` where the row of before tells it. Empty for one that sets nothing."""
    if isinstance(body, commands.Add):
        return tuple(_of_an_add(body))
    asked = (
        body.edit if isinstance(body, commands.Alter) else body.control if isinstance(body, commands.Steer) else None
    )
    told = _TOLD.get(type(asked))
    return tuple(told(asked, before)) if told is not None else ()


def masked(text: str) -> str:
    """Text that somebody typed, without what may be secret in it: of a URL the host stays, of a magnet link nothing."""
    cut = scrub(text)
    return cut if len(cut) <= _LONGEST else f"{cut[:_LONGEST]}…"


def _changed(field: str, to: Value, was: Value = None) -> ChangedField:
    return ChangedField(field=field, to=_safe(to), was=_safe(was))


def _safe(value: Value) -> Value:
    if isinstance(value, tuple):
        shown = tuple(map(masked, value[:_MOST]))
        return shown if len(value) <= _MOST else (*shown, f"… {len(value)} in all")
    return masked(value) if isinstance(value, str) else value


def _of_an_add(add: commands.Add) -> Iterator[ChangedField]:
    for field in _OF_AN_ADD:
        value = getattr(add, field)
        if value:
            yield _changed(field, value)


def _of_row(field: str, asked: str) -> Callable[[Any, Download | None], Iterator[ChangedField]]:
    """The row's own field of that name; `asked` is what the edit calls it."""

    def told(edit: Any, before: Download | None) -> Iterator[ChangedField]:
        yield _changed(field, getattr(edit, asked), getattr(before, field, None))

    return told


def _limits(edit: edits.SetLimits | edits.GlobalLimits, _: Download | None) -> Iterator[ChangedField]:
    for field in edit.__struct_fields__:
        value = getattr(edit, field)
        if value is not None:
            yield _changed(f"{field}_limit", value)


def _queue(edit: edits.QueueMove, _: Download | None) -> Iterator[ChangedField]:
    yield _changed("queue", edit.to.value)


def _files(edit: edits.ChooseFiles, _: Download | None) -> Iterator[ChangedField]:
    for field, numbers in (("wanted", edit.wanted), ("unwanted", edit.unwanted)):
        if numbers:
            yield _changed(field, ranges(numbers))


def ranges(numbers: Iterable[int]) -> str:
    """Numbers as people write them: `0-2, 5`."""
    runs = groupby(enumerate(sorted(set(numbers))), lambda pair: pair[1] - pair[0])
    ends = [(run[0][1], run[-1][1]) for run in (list(group) for _, group in runs)]
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in ends)


def _trackers(edit: edits.EditTrackers, _: Download | None) -> Iterator[ChangedField]:
    for field, urls in (("trackers_added", edit.add), ("trackers_removed", edit.remove)):
        if urls:
            yield _changed(field, hosts(urls))


def _peers(edit: edits.AddPeers, _: Download | None) -> Iterator[ChangedField]:
    yield _changed("peers", edit.peers)


def _alternative(control: edits.AlternativeLimits, _: Download | None) -> Iterator[ChangedField]:
    yield _changed("alternative_limits", control.on)


_TOLD: Mapping[type[Any], Callable[[Any, Download | None], Iterator[ChangedField]]] = {
    edits.ForceStart: _of_row("forced", "on"),
    edits.QueueMove: _queue,
    edits.SetCategory: _of_row("category", "category"),
    edits.SetTags: _of_row("tags", "tags"),
    edits.SetLimits: _limits,
    edits.Move: _of_row("save_path", "save_path"),
    edits.Rename: _of_row("name", "name"),
    edits.ChooseFiles: _files,
    edits.EditTrackers: _trackers,
    edits.AddPeers: _peers,
    edits.AlternativeLimits: _alternative,
    edits.GlobalLimits: _limits,
}
