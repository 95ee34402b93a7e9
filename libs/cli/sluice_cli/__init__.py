"""The `sluice` command: HTTP to the gateway, and `up`. Nothing here talks to a client, the bus or the database."""
