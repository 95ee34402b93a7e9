"""What `up` does to a data directory before it starts anything: `run_majors.py DATA STEP [SECONDS]`. Not a test.

The process kills itself with SIGKILL at the step, or the given seconds after it.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
from pathlib import Path
from random import Random

from sluice_common.kit.clock import SYSTEM_CLOCK
from sluice_embedded import majors
from sluice_embedded.layout import Layout, occupied
from sluice_embedded.ports import free_ports


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    data, deadly, *seconds = sys.argv[1:]

    def step(name: str) -> None:
        print(name, flush=True)
        if name == deadly and not seconds:
            _die()
        if name == deadly:
            timer = threading.Timer(float(seconds[0]), _die)
            timer.daemon = True
            timer.start()

    layout = Layout(Path(data))
    around = majors.Surroundings(layout, SYSTEM_CLOCK, free_ports(Random()), print, step)
    with occupied(layout, root=os.geteuid() == 0):
        asyncio.run(majors.bring_to_ours(around))


if __name__ == "__main__":
    main()
