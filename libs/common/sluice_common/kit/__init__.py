"""Errors, clock, back-off, logs, metrics and settings: the lowest layer, imports nothing of ours."""
