"""One file of a plan into the library. The order of the steps is the promise: nothing is replaced, and a crash
anywhere leaves the file absent, or in place, with its leftovers only in the attempt's directory."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from sluice_importer.place.attempt import Attempt
from sluice_importer.place.methods import LinkPolicy, Method, Watch, make
from sluice_importer.place.publish import Placed, adopt, publish, target_components
from sluice_importer.place.source import open_source

_UNWATCHED = Watch()


def place(
    attempt: Attempt,
    source_root: Path,
    file: str,
    size: int,
    target: str,
    *,
    method: Method = "hardlink",
    link: LinkPolicy = "prefer",
    watch: Watch = _UNWATCHED,
) -> Placed:
    """Put the file `file` (the client's own word, below `source_root`, `size` bytes) at `target` in the library.

    Done again, after a crash or not, it gives the same file: what lies at the target is adopted if it is the source's
    inode or has its content. Raises PlaceFailed with a stable code (`conflict` where another file lies there), Fenced
    where a later attempt has the import, and whatever `watch.check` raises. Blocking.
    """
    target_components(target)
    with open_source(source_root, file, size) as source:
        watch.check()
        there = adopt(attempt.root, target, source, watch)
        if there is not None:
            return there
        made = make(source, attempt, method, link, watch)
        try:
            return publish(made, attempt, target, source, watch)
        except BaseException:
            with suppress(OSError):
                attempt.discard(made.name)
            raise
