"""The loopback swarm of the sandbox, where tests find everything else that they need."""

from sluice_embedded.sandbox.swarm import HOST, Swarm, Tracker

__all__ = ["HOST", "Swarm", "Tracker"]
