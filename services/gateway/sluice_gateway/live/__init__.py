"""The queue in memory: rows, sorted views, streams of what changed. Nothing here knows HTTP or PostgreSQL."""
