"""Transmission, through its RPC. Seen running: 3.00; recorded: 3.00 and 4.1.0-beta.2."""
