"""What each kind of change is in Transmission's RPC: a table from kinds to requests. Pure.

Transmission answers "success" to much that it does not do, so every request says how its effect is seen. Labels are
all it has: one of them is the category (see mapping), the others are the tags.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

import msgspec

from sluice_client_poller.adapters.checks import refuse_files, refuse_limits, refuse_trackers
from sluice_client_poller.adapters.port import NewDownload, Terms, unsupported
from sluice_client_poller.adapters.transmission.mapping import DOWNLOAD, SEED, split_labels
from sluice_client_poller.adapters.transmission.wire import KILOBYTE, SpeedLimits, Standing, kilobytes
from sluice_common.kit.errors import Problem
from sluice_common.model import edits
from sluice_common.model.edits import AnyControl, AnyEdit, Limits

NAME = "Transmission"
RATIO_OF_ITS_OWN, RATIO_UNLIMITED = 1, 2  # seedRatioMode; 0 goes by the limit of the whole client


def _always(_: Standing) -> bool:
    return True


class Change(msgspec.Struct, frozen=True):
    """One request on one torrent, and whether what stands after it shows its effect.

    One that is `insistent` is asked again until then.
    """

    method: str
    arguments: dict[str, object] = {}
    is_seen: Callable[[Standing], bool] = _always
    insistent: bool = False


def refuse_what_it_cannot(edit: AnyEdit) -> None:
    """Raises `unsupported` for what no Transmission does, whatever the torrent, and a Problem for what nobody could."""
    match edit:
        case edits.Rename():
            raise unsupported(NAME, "show another name without renaming the data on its disk")
        case edits.AddPeers():
            raise unsupported(NAME, "be told whom to dial")
        case edits.ForceStart(on=False):
            raise unsupported(NAME, "take a forced start back: it does not remember one; pause and resume instead")
        case edits.SetLimits(seeding_time=int()):
            raise unsupported(NAME, "limit the seeding time, only for how long nobody asks for anything")
        case edits.SetLimits():
            refuse_limits(edit.download, edit.upload, edit.ratio)
        case edits.EditTrackers():
            refuse_trackers(edit.add)
        case _:
            pass


def change(edit: AnyEdit, before: Standing, owned: Collection[str]) -> Change | None:
    """The request that makes the change; None where nothing is left to do. Raises a Problem for what it cannot do."""
    return _CHANGES[type(edit)](edit, before, owned)


def labels(category: str | None, tags: Collection[str], owned: Collection[str]) -> list[str]:
    """The labels that are read back as just this category and these tags. Raises `unsupported` where none are."""
    wanted = tuple(dict.fromkeys(tags))
    for label in wanted:
        _refuse_label(label, "tag")
    if category is not None:
        _refuse_label(category, "category")
    made = [*((category,) if category is not None else ()), *wanted]
    if split_labels(made, owned) != (category, wanted):
        what = (
            "tell a tag from a category: it has only labels, of which the first that is owned, else the first, is the "
            "category, and no label is there twice"
        )
        raise unsupported(NAME, what)
    return made


def after_add(new: NewDownload, late_labels: list[str]) -> Change | None:
    """What is set in a torrent that was just added; None where nothing is."""
    asked = _speed_limits(new.download_limit, new.upload_limit)
    asked |= {"labels": late_labels} if late_labels else {}
    asked |= {"sequential_download": True} if new.sequential else {}
    return Change("torrent-set", asked, lambda after: _holds(asked, after)) if asked else None


def without_labels() -> Problem:
    """The refusal of a category or a tag by a version that has no labels."""
    return Problem("unsupported", 501, "before 3.00 Transmission has no labels, so no categories and no tags")


def _refuse_label(label: str, what: str) -> None:
    if not label.strip() or "," in label or label != label.strip():
        detail = f"Transmission's labels are not empty and have no comma and no outer spaces; choose such a {what}"
        raise Problem(f"{what}_invalid", 400, detail)


def terms(told: Standing) -> Terms:
    """What was set on a torrent."""
    own, unlimited = told.seed_ratio_mode == RATIO_OF_ITS_OWN, told.seed_ratio_mode == RATIO_UNLIMITED
    return Terms(
        download_limit=round(told.download_limit * KILOBYTE) if told.download_limited else None,
        upload_limit=round(told.upload_limit * KILOBYTE) if told.upload_limited else None,
        ratio=told.seed_ratio_limit if own else 0.0 if unlimited else None,
        unwanted=tuple(index for index, wanted in enumerate(told.wanted) if not wanted),
        trackers=frozenset(tracker.announce for tracker in told.trackers),
        sequential=bool(told.sequential_download),
    )


def control(asked: AnyControl) -> tuple[str, dict[str, object]]:
    """The request that changes the client as a whole: method and arguments."""
    match asked:
        case edits.PauseAll():
            return "torrent-stop", {}
        case edits.ResumeAll():
            return "torrent-start", {}
        case edits.AlternativeLimits():
            return "session-set", {"alt-speed-enabled": asked.on}
        case edits.GlobalLimits():
            refuse_limits(asked.download, asked.upload)
            names = {"speed-limit-down": asked.download, "speed-limit-up": asked.upload}
            return "session-set", _limits(names, suffix="-enabled")


def client_limits(told: SpeedLimits) -> Limits:
    """The ordinary limits in bytes/s, and whether the alternative ones are in force instead."""
    return Limits(
        download=round(told.speed_limit_down * KILOBYTE) if told.speed_limit_down_enabled else None,
        upload=round(told.speed_limit_up * KILOBYTE) if told.speed_limit_up_enabled else None,
        alternative=told.alt_speed_enabled,
    )


def _speed_limits(download: int | None, upload: int | None) -> dict[str, object]:
    """A torrent's limits (bytes/s; 0 lifts, None leaves out) as arguments of torrent-set."""
    return _limits({"downloadLimit": download, "uploadLimit": upload}, suffix="ed")


def _limits(asked: Mapping[str, int | None], *, suffix: str) -> dict[str, object]:
    """Every limit has a switch, whose name is its own with a suffix."""
    switches: dict[str, object] = {name + suffix: limit > 0 for name, limit in asked.items() if limit is not None}
    return switches | {name: kilobytes(limit) for name, limit in asked.items() if limit}


def _force_start(_: edits.ForceStart, __: Standing, ___: Collection[str]) -> Change:
    """While 3.00 checks what it has just been given it forgets over that that it was told to pass the queue."""
    return Change("torrent-start-now", is_seen=lambda after: after.status in (DOWNLOAD, SEED), insistent=True)


def _reannounce(_: edits.Reannounce, __: Standing, ___: Collection[str]) -> Change:
    return Change("torrent-reannounce")


def _queue(edit: edits.QueueMove, _: Standing, __: Collection[str]) -> Change:
    return Change(f"queue-move-{edit.to.value}")


def _category(edit: edits.SetCategory, before: Standing, owned: Collection[str]) -> Change:
    _refuse_without_labels(before)
    known, tags = split_labels(before.labels, owned)
    return _labelled(edit.category, [tag for tag in tags if tag not in (known, edit.category)], owned)


def _tags(edit: edits.SetTags, before: Standing, owned: Collection[str]) -> Change:
    _refuse_without_labels(before)
    return _labelled(split_labels(before.labels, owned)[0], edit.tags, owned)


def _refuse_without_labels(before: Standing) -> None:
    if isinstance(before.labels, int):
        raise without_labels()


def _labelled(category: str | None, tags: Collection[str], owned: Collection[str]) -> Change:
    asked: dict[str, object] = {"labels": labels(category, tags, owned)}
    return Change("torrent-set", asked, lambda after: _holds(asked, after))


def _set_limits(edit: edits.SetLimits, _: Standing, __: Collection[str]) -> Change | None:
    asked = _speed_limits(edit.download, edit.upload)
    if edit.ratio is not None:
        asked |= {"seedRatioMode": RATIO_OF_ITS_OWN if edit.ratio > 0 else RATIO_UNLIMITED}
        asked |= {"seedRatioLimit": edit.ratio} if edit.ratio > 0 else {}
    return Change("torrent-set", asked, lambda after: _holds(asked, after)) if asked else None


def _holds(asked: Mapping[str, object], after: Standing) -> bool:
    """Fractions are told with fewer digits than they were given."""
    told = msgspec.json.decode(msgspec.json.encode(after))
    return all(
        abs(value - told[name]) < 0.001 if isinstance(value, float) else value == told[name]
        for name, value in asked.items()
    )


def _move(edit: edits.Move, before: Standing, _: Collection[str]) -> Change | None:
    if _folder(before.download_dir) == _folder(edit.save_path):
        return None
    return Change(
        "torrent-set-location",
        {"location": edit.save_path, "move": True},
        lambda after: _folder(after.download_dir) == _folder(edit.save_path),
    )


def _folder(path: str) -> str:
    return path.rstrip("/")


def _files(edit: edits.ChooseFiles, before: Standing, _: Collection[str]) -> Change | None:
    """An empty list means all files to Transmission, so none is ever sent."""
    refuse_files(edit, len(before.wanted))
    wanted = dict(enumerate(map(bool, before.wanted)))
    wanted |= dict.fromkeys(edit.unwanted, False) | dict.fromkeys(edit.wanted, True)
    asked: dict[str, object] = {"files-unwanted": list(edit.unwanted)} if edit.unwanted else {}
    asked |= {"files-wanted": list(edit.wanted)} if edit.wanted else {}
    if not asked:
        return None
    return Change("torrent-set", asked, lambda after: [*map(bool, after.wanted)] == [*wanted.values()])


def _trackers(edit: edits.EditTrackers, before: Standing, _: Collection[str]) -> Change | None:
    """It takes it amiss when it is told nothing new; it adds before it removes, so the numbers hold."""
    numbers = [tracker.id for tracker in before.trackers if tracker.announce in edit.remove]
    known = {tracker.announce for tracker in before.trackers}
    new = [url for url in dict.fromkeys(edit.add) if url not in known]
    asked: dict[str, object] = {"trackerAdd": new} if new else {}
    asked |= {"trackerRemove": numbers} if numbers else {}
    wanted = (known - set(edit.remove)) | set(new)
    if not asked:
        return None
    return Change("torrent-set", asked, lambda after: {tracker.announce for tracker in after.trackers} == wanted)


_CHANGES: Mapping[type[AnyEdit], Callable[[Any, Standing, Collection[str]], Change | None]] = {
    edits.ForceStart: _force_start,
    edits.Reannounce: _reannounce,
    edits.QueueMove: _queue,
    edits.SetCategory: _category,
    edits.SetTags: _tags,
    edits.SetLimits: _set_limits,
    edits.Move: _move,
    edits.ChooseFiles: _files,
    edits.EditTrackers: _trackers,
}
