"""Every subject, stream, bucket and durable name, made here and nowhere else."""

from __future__ import annotations

FRAMES = "FRAMES"
CLIENTS = "CLIENTS"
EVENTS = "EVENTS"
DEAD_LETTERS = "DLQ"
LEASES = "LEASES"

ALL_FRAMES = "sluice.frames.*"
ALL_CLIENTS = "sluice.clients.*"
ALL_EVENTS = "sluice.events.>"
ALL_DEAD_LETTERS = "sluice.dlq.>"
IMPORT_EVENTS = "sluice.events.import.>"
COMPLETIONS = "sluice.events.download.completed.*"
# Core, not stored: a gateway with subscribers says every few seconds that somebody is looking, and at what.
WATCH = "sluice.watch"
# Core, not stored: a poller gave leases back, and others need not find that out by themselves.
FREED = "sluice.freed"

# Core, not stored: what each app does with the downloads that it owns, whole, again and again.
ALL_APPS = "sluice.apps.*"


def app(name: str) -> str:
    """Where it is said what one app does with its downloads."""
    return f"sluice.apps.{name}"


def frames(client: str) -> str:
    """Where the table of one client's downloads is published."""
    return f"sluice.frames.{client}"


def client_of(subject: str) -> str:
    """The client's name: the last token of a frame's, a status's or an event's subject."""
    return subject.rpartition(".")[2]


def status(client: str) -> str:
    """Where one client's health is published."""
    return f"sluice.clients.{client}"


def event(event_type: str, client: str) -> str:
    """Where events of one type about one client go; the type's own dot makes two tokens."""
    return f"sluice.events.{event_type}.{client}"


def dead_letter(consumer: str) -> str:
    """Where a message goes that `consumer` can never handle."""
    return f"sluice.dlq.{consumer}"


def command(client: str, verb: str) -> str:
    """Where the holder of a client's lease takes commands; `verb` may be `*`."""
    return f"sluice.cmd.{client}.{verb}"


def rpc(service: str, method: str) -> str:
    """Where any replica of a service answers."""
    return f"sluice.rpc.{service}.{method}"
