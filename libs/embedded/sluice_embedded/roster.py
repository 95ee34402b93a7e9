"""Who runs now: starts children in a task group and keeps the run file true. What they are is not decided here."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from sluice_common.kit.clock import Clock
from sluice_embedded.children import Child, ChildSpec
from sluice_embedded.layout import Layout, write_private


@dataclass
class Roster:
    """The children of one `up`. `url` is the API's base URL, `compact` whether the services share a process, `say` gets
    sentences for the user."""

    layout: Layout
    url: str
    compact: bool
    say: Callable[[str], None]
    clock: Clock
    random: Random
    _children: dict[str, tuple[Child, int]] = field(default_factory=dict)

    def start(self, group: asyncio.TaskGroup, spec: ChildSpec, port: int) -> Child:
        """Run the child for as long as the group lives; `port` is where it answers."""
        child = Child(spec, self.clock, self.random, self.say, self.write)
        self._children[spec.name] = (child, port)
        group.create_task(child.run())
        return child

    def write(self) -> None:
        """Write the run file: `{pid, url, api_key_path, data, config, compact, children: {name: {pid, port}}}`."""
        children = {name: {"pid": child.pid, "port": port} for name, (child, port) in self._children.items()}
        state = {
            "pid": os.getpid(),
            "url": self.url,
            "api_key_path": str(self.layout.api_key),
            "data": str(self.layout.data),
            "config": str(self.layout.config),
            "compact": self.compact,
            "children": children,
        }
        write_private(self.layout.run_file, json.dumps(state, indent=2) + "\n")

    def forget(self) -> None:
        """Nothing runs any more, or not yet."""
        self.layout.run_file.unlink(missing_ok=True)
