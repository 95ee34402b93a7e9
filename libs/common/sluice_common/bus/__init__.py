"""NATS: connecting, the topology, RPC, durable consumption, the replica of the queue. No business rule lives here."""
