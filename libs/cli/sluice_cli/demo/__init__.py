"""`make demo`: Sluice in front of a Deluge and a swarm of our own, for somebody who has no client. Not a verb.

It needs a checkout with `.venv-deluge`, which `make demo` makes. Everything it starts and writes is gone when it ends.
"""
