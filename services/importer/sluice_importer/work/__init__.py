"""Claim, plan, place, register, announce: the order in which nothing can be lost. SQL is in the stores only."""
