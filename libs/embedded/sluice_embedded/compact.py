"""`python -m sluice_embedded.compact NAME …`: these services in one process, found by the entry points they declare.

No service is imported here by name: a library knows only that whoever is installed says where its `build` is.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.metadata import entry_points

from sluice_common.kit.errors import SluiceError
from sluice_common.runtime.run import Build, run_several

GROUP = "sluice.services"
NAME = "services"


def builds(names: Sequence[str]) -> dict[str, Build]:
    """Each service's composition root, in this order. Raises SluiceError for one that is not installed."""
    found = {entry.name: entry for entry in entry_points(group=GROUP)}
    missing = [name for name in names if name not in found]
    if missing:
        raise SluiceError(
            f"not installed: {', '.join(missing)}; there are: {', '.join(sorted(found)) or 'none'}. "
            "Install Sluice again (make setup, or pip install)."
        )
    return {name: found[name].load() for name in names}


def main(names: Sequence[str]) -> None:
    """Run them until SIGTERM or SIGINT; exits like any service."""
    try:
        found = builds(names)
    except SluiceError as error:
        sys.exit(str(error))
    run_several(NAME, found)


if __name__ == "__main__":
    main(sys.argv[1:])
