"""Putting files into a library: the one room that touches disks. Everything is synchronous; no database, no bus.

It decides nothing: what goes where is in the plan, who may work is in the claim.
"""
