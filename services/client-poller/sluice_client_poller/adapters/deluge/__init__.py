"""Deluge, through deluge-web's `/json`. Seen running: 2.0.3 and 2.2.0."""
