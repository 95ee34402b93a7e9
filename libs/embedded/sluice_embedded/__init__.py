"""NATS and PostgreSQL as children of one command, supervision, `up`. No service is imported here, only started."""
