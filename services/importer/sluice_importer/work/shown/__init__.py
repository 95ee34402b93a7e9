"""Imports as people see them: listed, looked at, tried again. Nothing here works on one."""
