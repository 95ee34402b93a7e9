"""Talks to the download clients: polls, publishes the queue, derives events, carries out commands."""
