"""How much memory there is, from the files of a machine, a container, and a box in a box."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sluice_embedded.memory import is_small, total

GIB = 1024**3
UNLIMITED = 9_223_372_036_854_771_712  # what version 1 says of a group without a limit


class Machine:
    """A /proc of a machine with 8 GiB, and the control groups it tells of."""

    def __init__(self, tmp_path: Path) -> None:
        self.proc = tmp_path / "proc"
        self.groups = tmp_path / "groups"
        (self.proc / "self").mkdir(parents=True)
        (self.proc / "meminfo").write_text(f"MemTotal:       {8 * GIB // 1024} kB\nMemFree:  1 kB\n")

    def mounts(self, *lines: str) -> None:
        """Lines of mountinfo from their fourth field (root) on; GROUPS is where the groups are."""
        text = "".join(f"35 31 0:32 {line}\n" for line in lines).replace("GROUPS", str(self.groups))
        (self.proc / "self/mountinfo").write_text(text)

    def member(self, *lines: str) -> None:
        """Lines of /proc/self/cgroup."""
        (self.proc / "self/cgroup").write_text("".join(f"{line}\n" for line in lines))

    def limit(self, path: str, value: object) -> None:
        """What the file at this path of the groups says."""
        file = self.groups / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{value}\n")


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """Eight gibibytes, no groups yet."""
    return Machine(tmp_path)


def test_without_limits_the_machines_memory_counts(machine: Machine) -> None:
    """A machine without control groups, or with none that limits us, has what it has."""
    assert total(machine.proc) == 8 * GIB
    machine.mounts("/ GROUPS rw - cgroup2 cgroup2 rw", "/ /proc rw - proc proc rw")
    machine.member("0::/user.slice/me")
    machine.limit("user.slice/me/memory.max", "max")
    assert total(machine.proc) == 8 * GIB


def test_a_limit_of_version_2_counts_also_from_above(machine: Machine) -> None:
    """The smallest limit on the way up holds, whoever set it; one beside the way does not."""
    machine.mounts("/ GROUPS rw,nosuid - cgroup2 cgroup2 rw")
    machine.member("0::/slice/service")
    machine.limit("slice/service/memory.max", 3 * GIB)
    machine.limit("other/memory.max", 1)
    assert total(machine.proc) == 3 * GIB
    machine.limit("slice/memory.max", GIB)
    assert total(machine.proc) == GIB


def test_a_limit_of_version_1_counts(machine: Machine) -> None:
    """The memory hierarchy of version 1 is found beside others, and its huge number for none is none."""
    machine.mounts(
        "/ GROUPS/cpu rw - cgroup cgroup rw,cpu", "/ GROUPS/memory rw - cgroup cgroup rw,memory",
        "/ GROUPS/unified rw - cgroup2 cgroup2 rw",
    )  # fmt: skip
    machine.member("4:memory:/jobs/1", "1:cpu:/", "0::/")
    machine.limit("memory/memory.limit_in_bytes", UNLIMITED)
    machine.limit("memory/jobs/memory.limit_in_bytes", UNLIMITED)
    assert total(machine.proc) == 8 * GIB
    machine.limit("memory/jobs/1/memory.limit_in_bytes", GIB)
    assert total(machine.proc) == GIB


def test_a_limit_is_found_inside_a_container(machine: Machine) -> None:
    """There the mount shows the container's part only, while the path may be the host's; both ways are understood."""
    machine.mounts("/docker/abc GROUPS rw - cgroup cgroup rw,memory")
    machine.limit("memory.limit_in_bytes", GIB)
    for told in ("/docker/abc", "/"):
        machine.member(f"4:memory:{told}")
        assert total(machine.proc) == GIB
    machine.limit("inner/memory.limit_in_bytes", GIB // 2)
    machine.member("4:memory:/docker/abc/inner")
    assert total(machine.proc) == GIB // 2


def test_a_system_without_proc_is_asked_otherwise(tmp_path: Path) -> None:
    """macOS has no /proc; the answer is this machine's own."""
    assert total(tmp_path / "nowhere") == os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.parametrize(
    ("bytes_there", "small"),
    [(512 * 1024**2, True), (1_999_999_999, True), (2_000_000_000, False), (2 * GIB, False), (8 * GIB, False)],
)
def test_below_two_gigabytes_is_small(bytes_there: int, small: bool) -> None:
    """A box of 1 GB shares one process between all services, one of 2 GB does not."""
    assert is_small(bytes_there) is small
