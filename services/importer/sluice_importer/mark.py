"""`python -m sluice_importer.mark NAME ROOT`: write a library's marker, before there is any service to ask.

Exit code 0 where the root is marked (also where it was), 1 with a sentence on standard error where it cannot be.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from sluice_common.kit.errors import Problem
from sluice_importer.place.errors import PlaceFailed
from sluice_importer.place.root import init_root


def main(words: Sequence[str]) -> int:
    """Mark the root."""
    name, root = words
    try:
        init_root(Path(root), name)
    except PlaceFailed as failed:
        sys.stderr.write(f"{failed.path}: {failed.detail}\n")
        return 1
    except Problem as problem:
        sys.stderr.write(f"{problem.detail}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
