"""A process: its settings, signals, health, tasks and deadlines. Nothing here knows what a service does."""
