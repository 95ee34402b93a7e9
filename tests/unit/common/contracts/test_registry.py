"""The registry is complete: no struct and no subject of the contracts goes over the bus unlisted."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re

import msgspec
import pytest

from sluice_common import contracts
from sluice_common.contracts import events, frames, registry, subjects
from sluice_common.contracts.registry import ANY_CLIENT, ROUTES, Route, Wire, route_of
from sluice_common.kit.settings import NAME_PATTERN
from support import golden

# Values of the pure machines and of the registry itself: they never leave a process.
INSIDE = {frames.Applied, frames.Change, frames.Table, Route}


def _structs_of_the_contracts() -> set[type[msgspec.Struct]]:
    found = set()
    for info in pkgutil.iter_modules(contracts.__path__, f"{contracts.__name__}."):
        module = importlib.import_module(info.name)
        for _, member in inspect.getmembers(module, inspect.isclass):
            if issubclass(member, msgspec.Struct) and member.__module__ == module.__name__:
                found.add(member)
    return found


def test_every_struct_is_on_a_route() -> None:
    """A struct that is not registered has no golden message, and nobody would notice that it changed."""
    listed = {struct for kind, _ in golden.wires().values() for struct in golden.struct_types(kind).values()}
    assert _structs_of_the_contracts() - INSIDE - listed == set()


@pytest.mark.parametrize(
    "subject",
    [
        subjects.frames("qbit"),
        subjects.status("qbit"),
        subjects.event("download.added", "qbit"),
        subjects.event("import.completed", "a-client"),
        subjects.dead_letter("history"),
        subjects.command("qbit", "pause"),
        subjects.rpc("importer", "imports.list"),
        subjects.WATCH,
        subjects.FREED,
        subjects.app("sonarr"),
    ],
)
def test_every_kind_of_subject_has_a_route(subject: str) -> None:
    """What the functions of `subjects` make is found again, with who says it."""
    route = route_of(subject)
    assert route is not None
    assert route.publishers


def test_every_function_of_subjects_is_tried_above() -> None:
    """A new kind of subject needs a route."""
    made = {name for name, member in inspect.getmembers(subjects, inspect.isfunction)}
    assert made == {"frames", "client_of", "status", "event", "dead_letter", "command", "rpc", "app"}


def test_what_is_not_registered_has_no_route() -> None:
    """A typing error in a subject is not taken for something else."""
    for subject in (
        "sluice.frames",
        "sluice.frames.a.b",
        "sluice.cmd.qbit.explode",
        "sluice.events.download.eaten.c",
        "",
    ):
        assert route_of(subject) is None


def test_every_event_type_has_a_route() -> None:
    """Each type's data struct is the one that its readers decode."""
    for event_type, data in events.DATA.items():
        route = route_of(subjects.event(event_type, "c"))
        assert route is not None
        assert (route.message, route.data, route.stream) == (events.Event, data, subjects.EVENTS)


def test_routes_are_unambiguous_and_whole() -> None:
    """One subject, one route; a request has a reply, a message a struct, and a stream covers what is stored."""
    names = [route.subject for route in ROUTES]
    assert len(names) == len(set(names))
    covers = {
        subjects.FRAMES: subjects.ALL_FRAMES,
        subjects.CLIENTS: subjects.ALL_CLIENTS,
        subjects.EVENTS: subjects.ALL_EVENTS,
        subjects.DEAD_LETTERS: subjects.ALL_DEAD_LETTERS,
    }
    for route in ROUTES:
        assert (route.message is None) == (route.wire is Wire.EMPTY)
        assert (route.reply is not None) == (route.wire is Wire.RPC)
        if route.stream is not None:
            assert route.subject.startswith(covers[route.stream].rstrip("*>"))


def test_services_are_the_known_ones() -> None:
    """Permissions are made from these names."""
    named = {service for route in ROUTES for service in (*route.publishers, *route.consumers)}
    assert named == {registry.POLLER, registry.GATEWAY, registry.IMPORTER, registry.HISTORY}
    assert all(re.fullmatch(NAME_PATTERN, name) for name in named)


def test_the_client_is_read_back_from_a_subject() -> None:
    """The last token is the client, whatever the kind."""
    for route in ROUTES:
        if route.subject.endswith(f".{ANY_CLIENT}"):
            assert subjects.client_of(route.subject.replace(ANY_CLIENT, "qbit-2")) == "qbit-2"
