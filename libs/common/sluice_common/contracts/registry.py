"""Everything that goes over the bus, as a table: subject, struct, who says it, who listens. Values only, no behaviour.

The golden-message tests, the AsyncAPI document and the NATS permissions are made from it; a struct or a subject that is
not here does not exist.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Any

import msgspec

from sluice_common.contracts import (
    apps,
    catalogue,
    commands,
    doctor,
    events,
    frames,
    history,
    library,
    rpc,
    subjects,
    watching,
)
from sluice_common.model.download import ClientStatus
from sluice_common.model.edits import Limits, OwnSettings

ANY_CLIENT, ANY_APP = "{client}", "{app}"
POLLER, GATEWAY, IMPORTER, HISTORY = "client-poller", "gateway", "importer", "history"


class Wire(StrEnum):
    """How a message's bytes are made, see contracts/codec."""

    PACKED = "zstd msgpack"
    JSON = "json"
    RPC = "msgpack in the envelope of contracts/rpc"
    EMPTY = "empty"


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of message. `subject` is a template; `publishers` send `message`, `consumers` take it.

    `data` is the struct inside an event; `reply` what a request is answered with, by the consumers.
    """

    subject: str
    wire: Wire
    message: Any
    publishers: tuple[str, ...]
    consumers: tuple[str, ...]
    stream: str | None = None
    data: Any = None
    reply: Any = None

    @property
    def structs(self) -> tuple[Any, ...]:
        """The structs that travel on this route."""
        return tuple(kind for kind in (self.message, self.data, self.reply) if kind is not None)


def _tables() -> Iterator[Route]:
    yield Route(
        subject=subjects.frames(ANY_CLIENT),
        wire=Wire.PACKED,
        message=frames.Frame,
        publishers=(POLLER,),
        consumers=(POLLER, GATEWAY, IMPORTER, HISTORY),
        stream=subjects.FRAMES,
    )
    yield Route(
        subject=subjects.status(ANY_CLIENT),
        wire=Wire.JSON,
        message=ClientStatus,
        publishers=(POLLER,),
        consumers=(POLLER, GATEWAY, IMPORTER, HISTORY),
        stream=subjects.CLIENTS,
    )
    yield Route(
        subject=subjects.WATCH, wire=Wire.JSON, message=watching.Watched, publishers=(GATEWAY,), consumers=(POLLER,)
    )  # fmt: skip
    yield Route(
        subject=subjects.app(ANY_APP),
        wire=Wire.JSON,
        message=apps.AppQueue,
        publishers=(IMPORTER,),
        consumers=(GATEWAY,),
    )
    yield Route(
        subject=subjects.FREED, wire=Wire.EMPTY, message=None, publishers=(POLLER,), consumers=(POLLER,)
    )  # fmt: skip


def _events() -> Iterator[Route]:
    listeners = {"download.completed": (HISTORY, IMPORTER)}
    for event_type, data in events.DATA.items():
        room = event_type.partition(".")[0]
        yield Route(
            subject=subjects.event(event_type, ANY_CLIENT),
            wire=Wire.JSON,
            message=events.Event,
            data=data,
            publishers=(POLLER,) if room in ("download", "command", "client") else (IMPORTER,),
            consumers=(HISTORY, GATEWAY) if room == "import" else listeners.get(event_type, (HISTORY,)),
            stream=subjects.EVENTS,
        )
    for consumer in ("history", "importer-completions"):
        yield Route(
            subject=subjects.dead_letter(consumer),
            wire=Wire.JSON,
            message=events.Event,
            publishers=(HISTORY if consumer == "history" else IMPORTER,),
            consumers=(),
            stream=subjects.DEAD_LETTERS,
        )


def _commands() -> Iterator[Route]:
    asked: dict[str, tuple[Any, Any, tuple[str, ...]]] = {
        "add": (commands.Add, commands.Done, (GATEWAY,)),
        "pause": (commands.Act, commands.Done, (GATEWAY,)),
        "resume": (commands.Act, commands.Done, (GATEWAY,)),
        "recheck": (commands.Act, commands.Done, (GATEWAY,)),
        "remove": (commands.Remove, commands.Done, (GATEWAY,)),
        "retry": (commands.Retry, commands.Done, (GATEWAY,)),
        "alter": (commands.Alter, commands.Done, (GATEWAY,)),
        "steer": (commands.Steer, commands.Done, (GATEWAY,)),
        "limits": (rpc.Empty, Limits, (GATEWAY,)),
        "settings": (commands.Look, OwnSettings, (GATEWAY,)),
        "files": (commands.FilesOf, commands.Files, (GATEWAY, IMPORTER)),
        "look": (commands.Look, commands.Seen, (IMPORTER,)),
        "about": (rpc.Empty, doctor.AboutClient, (GATEWAY,)),
    }
    for verb, (message, reply, publishers) in asked.items():
        yield Route(
            subject=subjects.command(ANY_CLIENT, verb),
            wire=Wire.RPC,
            message=message,
            reply=reply,
            publishers=publishers,
            consumers=(POLLER,),
        )


def _queries() -> Iterator[Route]:
    asked: dict[str, dict[str, tuple[Any, Any]]] = {
        IMPORTER: {
            "imports.list": (library.Listing, rpc.Page[library.Import]),
            "imports.get": (library.ImportId, library.Import),
            "imports.retry": (library.RetryImport, library.Import),
            "media.create": (library.NewMediaItem, library.KnownMediaItem),
            "media.rename": (library.RenamedMediaItem, library.MediaItem),
            "media.remove": (library.MediaItemId, library.MediaItem),
            "media.list": (library.Listing, rpc.Page[library.MediaItem]),
            "media.get": (library.MediaItemId, library.MediaItem),
            "media.import": (catalogue.Entries, catalogue.Merged),
            "media.episodes": (catalogue.EpisodesOf, rpc.Page[catalogue.Episode]),
            "media.files": (catalogue.FilesIn, rpc.Page[catalogue.LibraryFile]),
            "apps.list": (rpc.Empty, apps.Apps),
            "apps.sync": (apps.AppName, apps.AppStatus),
            "libraries.list": (rpc.Empty, library.Libraries),
            "libraries.init": (library.LibraryName, library.LibraryStatus),
            "associate": (library.Associate, library.Association),
            "association": (library.AssociationOf, library.Association),
            "withdraw": (library.Withdraw, rpc.Empty),
            "source": (library.SourceOf, library.Source),
            "doctor": (doctor.Checkup, doctor.Findings),
        },
        HISTORY: {"list": (history.HistoryQuery, rpc.Page[history.HistoryEntry])},
    }
    for service, methods in asked.items():
        for method, (message, reply) in methods.items():
            yield Route(
                subject=subjects.rpc(service, method),
                wire=Wire.RPC,
                message=message,
                reply=reply,
                publishers=(GATEWAY,),
                consumers=(service,),
            )


# The envelope around every request and reply, on top of the routes' own structs.
ENVELOPE: tuple[Any, ...] = (rpc.Request, rpc.Reply)

ROUTES: tuple[Route, ...] = (*_tables(), *_events(), *_commands(), *_queries())


def route_of(subject: str) -> Route | None:
    """The route that a concrete subject belongs to."""
    tokens = subject.split(".")
    return next((route for route in ROUTES if _fits(route.subject.split("."), tokens)), None)


def _fits(template: list[str], tokens: list[str]) -> bool:
    return len(template) == len(tokens) and all(
        wanted in (ANY_CLIENT, ANY_APP, token) for wanted, token in zip(template, tokens, strict=True)
    )
