"""The gateway: the HTTP API over a replica of the merged queue, live streams, and authentication. It never calls a
download client, and reads the queue from memory only."""
