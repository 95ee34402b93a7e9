"""What stands against us in the same run: somebody who asks a client for its whole list, once a second, and compares.

Told are the first whole list, and each row whose mark is no longer what it was, with the moment it was seen.
"""

from __future__ import annotations

import time

from bench.aside import given, tell
from bench.crowd import list_marks, reach

PAUSE = 1.0


def main() -> None:
    """Until the process is ended."""
    asked = given()
    http = reach(asked["type"], asked["url"], asked["username"], asked["password"])
    known: dict[str, str] = {}
    while True:
        listed = list_marks(asked["type"], http)
        at = time.monotonic()
        if len(listed) >= asked["n"]:
            if not known:
                tell(at=at, whole=True, rows=[])
            changed = [(asked["type"], key, value) for key, value in listed.items() if known.get(key, value) != value]
            known = listed
            if changed:
                tell(at=at, rows=changed)
        time.sleep(PAUSE)


if __name__ == "__main__":
    main()
