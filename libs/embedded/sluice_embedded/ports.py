"""Free loopback ports for the children. No listening happens here beyond the test of a bind.

Ports are taken from below the kernel's ephemeral range: a client that reconnects for ever to a dead port inside that
range can end up connected to itself, and then the server that comes back cannot bind.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from random import Random

LOOPBACK = "127.0.0.1"
_LOWEST = 15_000
_EPHEMERAL = Path("/proc/sys/net/ipv4/ip_local_port_range")


def bind_fault(host: str, port: int) -> OSError | None:
    """Why a server could not listen on `host` and `port` now, or None."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, protocol, _, address = found[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            probe.listen(1)
    except OSError as error:
        return error
    return None


def free_ports(random: Random, *avoid: int) -> Iterator[int]:
    """Distinct loopback ports on which nothing listens now, none of `avoid`; another process may still be faster."""
    seen: set[int] = set(avoid)
    highest = _first_ephemeral()
    while len(seen) < highest - _LOWEST:
        port = random.randrange(_LOWEST, highest)
        if port not in seen and bind_fault(LOOPBACK, port) is None:
            yield port
        seen.add(port)
    raise OSError(f"no free port between {_LOWEST} and {highest} on {LOOPBACK}")


def _first_ephemeral() -> int:
    try:
        first = int(_EPHEMERAL.read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return 32_768
    return first if first > _LOWEST + 1_000 else 32_768
