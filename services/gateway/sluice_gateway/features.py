"""Which parts of Sluice this household runs, and how what belongs to another is refused. Pure."""

from __future__ import annotations

from collections.abc import Collection

from sluice_common.kit.errors import Problem
from sluice_common.kit.settings import Feature

_SEE = "see `features` in sluice.yaml"
_OFF: dict[Feature, tuple[str, str]] = {
    "queue": ("queue_off", f"the feature queue is off: downloads are shown and commanded in their clients; {_SEE}"),
    "import": ("imports_off", f"the feature import is off: no library, no media item and no import is kept; {_SEE}"),
}


class Features:
    """The features that are on."""

    def __init__(self, wanted: Collection[Feature]) -> None:
        self._wanted = frozenset(wanted)

    def __contains__(self, feature: Feature) -> bool:
        return feature in self._wanted

    def need(self, feature: Feature) -> None:
        """Raises Problem (409, `queue_off` or `imports_off`) where the feature is off: asking again would not help."""
        if feature not in self._wanted:
            code, detail = _OFF[feature]
            raise Problem(code, 409, detail)
