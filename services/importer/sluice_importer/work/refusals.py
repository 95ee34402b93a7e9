"""What a disk's refusal means for an import. Pure."""

from __future__ import annotations

from sluice_importer.place.errors import PlaceFailed, RootUnavailable
from sluice_importer.work.values import Again, Stop, failed, waiting

NOT_HERE = frozenset({"source_missing", "source_incomplete"})


def as_stop(error: PlaceFailed) -> Stop:
    """What a disk's refusal means for the import."""
    message = f"{error.path}: {error.detail}"
    if isinstance(error, RootUnavailable):
        return waiting(error.code, message)
    if error.code in NOT_HERE:
        return waiting("not_here_yet", message)
    return failed(error.code, message, Again.LATER if error.transient else Again.NEVER)
