"""`sluice up`, composed: settings, data directory, servers, services, banner, and the end of it all in order.

How one child is kept alive is in `children`, what the servers need in `servers`; here is only who comes after whom.
"""

from __future__ import annotations

import asyncio
import gc
import os
import shlex
import shutil
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from random import Random, SystemRandom

from sluice_common.kit.clock import SYSTEM_CLOCK, Clock
from sluice_common.kit.errors import SettingsError
from sluice_common.kit.settings import Settings, load
from sluice_common.kit.tasks import leaves
from sluice_embedded import banner, majors, memory, nats, postgres, servers
from sluice_embedded.account import setpriv
from sluice_embedded.children import Child, ChildRefused, ChildSpec
from sluice_embedded.faults import ExitCode, StartRefused
from sluice_embedded.layout import Layout, default_data, occupied
from sluice_embedded.logs import rotate
from sluice_embedded.ports import LOOPBACK, bind_fault, free_ports
from sluice_embedded.readiness import is_ready, url_of
from sluice_embedded.roster import Roster
from sluice_embedded.services import SERVICES, Service, Surroundings, chosen, in_one
from sluice_embedded.signals import cancelled_by_signals

Say = Callable[[str], None]
_GIVE_UP_AFTER = 5
_OFTEN = 0.05
_LONG = 20.0
_ROTATE_EVERY = 60.0
_PORT_PATIENCE = 1.0


@dataclass(frozen=True)
class Options:
    """What the command line says; None leaves it to the configuration, `compact` to the memory there is."""

    data: Path
    listen: str | None = None
    port: int | None = None
    compact: bool | None = None


@dataclass(frozen=True)
class Plan:
    """Everything that one `up` knows before it starts anything."""

    layout: Layout
    settings: Settings
    services: tuple[Service, ...]
    compact: bool
    listen: str
    port: int
    say: Say
    clock: Clock
    random: Random


def run(options: Options, say: Say, services: tuple[Service, ...] = SERVICES) -> ExitCode:
    """Run Sluice until Ctrl-C or SIGTERM; returns the exit code of the process. Call it from the main thread."""
    gc.freeze()  # what was imported stays; looking through it at the exit would only make that slow
    layout = Layout(options.data.absolute())
    try:
        settings = load(layout.config)
    except SettingsError as error:
        say(banner.faults(str(layout.config), error.faults))
        return ExitCode.CONFIGURATION
    try:
        with occupied(layout, root=os.geteuid() == 0):
            asyncio.run(_run(_plan(layout, options, settings, say, services)))
    except StartRefused as error:
        say(str(error))
        return error.code
    say("Stopped.")
    return ExitCode.OK


def _plan(layout: Layout, options: Options, settings: Settings, say: Say, services: tuple[Service, ...]) -> Plan:
    random = SystemRandom()
    listen = settings.gateway.listen if options.listen is None else options.listen
    port = settings.gateway.port if options.port is None else options.port
    wanted = chosen(services, settings.features)
    compact = memory.is_small(memory.total()) if options.compact is None else options.compact
    return Plan(
        layout,
        settings,
        services=in_one(wanted) if compact else wanted,
        compact=compact,
        listen=listen,
        port=port or next(free_ports(random)),
        say=say,
        clock=SYSTEM_CLOCK,
        random=random,
    )


async def _run(plan: Plan) -> None:
    """From the first check to the last child's end; returns when asked to stop. Raises StartRefused."""
    await _check_port(plan)
    roster = Roster(plan.layout, url_of(plan.listen, plan.port), plan.compact, plan.say, plan.clock, plan.random)
    roster.forget()
    refusals: list[StartRefused] = []
    with cancelled_by_signals(plan.say) as asked:
        try:
            await _live(plan, roster)
        except* StartRefused as group:
            refusals += leaves(group)
        except* ChildRefused as group:
            refusals += [_settings_refused(child) for child in leaves(group)]
        except* asyncio.CancelledError:
            if not asked.is_set():
                raise
        finally:
            roster.forget()
    if refusals:
        raise refusals[0]


def _settings_refused(child: ChildRefused) -> StartRefused:
    message = f"{child.name} refuses its settings, so everything was stopped. Its last lines:\n{child.words}"
    return StartRefused(ExitCode.CONFIGURATION, message)


async def _check_port(plan: Plan) -> None:
    """Refuse an address that is taken; an `up` that was just killed may need a moment to let go of it."""
    deadline = plan.clock.monotonic() + _PORT_PATIENCE
    while fault := bind_fault(plan.listen, plan.port):
        if plan.clock.monotonic() >= deadline:
            why = fault.strerror or str(fault)
            raise StartRefused(ExitCode.PORT_IN_USE, banner.port_in_use(plan.listen, plan.port, why))
        await plan.clock.sleep(_OFTEN)


async def _live(plan: Plan, roster: Roster) -> None:
    """Servers around services: leaving the inner group ends the services before the servers."""
    began = plan.clock.monotonic()
    plan.say(banner.starting(first=not servers.prepared(plan.layout)))
    ports = free_ports(plan.random, plan.port)
    await majors.bring_to_ours(majors.Surroundings(plan.layout, plan.clock, ports, plan.say))
    both = await servers.prepare(plan.layout, plan.clock, ports)
    async with asyncio.TaskGroup() as base:
        base.create_task(_keep_logs_small(plan))
        await _start_servers(plan, roster, both, base)
        async with asyncio.TaskGroup() as group:
            await _start_services(plan, roster, both, group)
            plan.say(banner.ready(_facts(plan, roster, plan.clock.monotonic() - began)))


async def _start_servers(plan: Plan, roster: Roster, both: servers.Servers, group: asyncio.TaskGroup) -> None:
    bus = roster.start(group, servers.nats_spec(both.nats, plan.layout), both.nats.port)
    postgres_spec = servers.postgres_spec(both.postgres, plan.layout, plan.clock)
    database = roster.start(group, postgres_spec, both.postgres.port)
    await _until(plan, bus, partial(nats.ready, both.nats), _GIVE_UP_AFTER)
    accepting = postgres.Accepting(both.postgres, lambda: database.failures)
    await _until(plan, database, accepting, _GIVE_UP_AFTER)
    await postgres.create_database(both.postgres, servers.DATABASE)


async def _start_services(plan: Plan, roster: Roster, both: servers.Servers, group: asyncio.TaskGroup) -> None:
    around = Surroundings(
        plan.layout, both.nats.settings, both.postgres.settings(servers.DATABASE), plan.listen, plan.port
    )
    ports = free_ports(plan.random, plan.port)
    async with asyncio.TaskGroup() as waits:
        for service in plan.services:
            health = next(ports)
            host, port = (plan.listen, plan.port) if service.serves_api else (LOOPBACK, health)
            spec = _spec(service, plan.layout, around.environment(os.environ, health))
            child = roster.start(group, spec, port)
            waits.create_task(_until(plan, child, partial(is_ready, host, port)))


def _spec(service: Service, layout: Layout, environment: dict[str, str]) -> ChildSpec:
    return ChildSpec(
        name=service.name,
        command=(*setpriv("KILL"), *service.command),
        environment=environment,
        log=layout.log(service.name),
        cwd=layout.data,
        refusal=ExitCode.CONFIGURATION,
    )


async def _until(plan: Plan, child: Child, probe: Callable[[], Awaitable[bool]], give_up: int | None = None) -> None:
    """Wait for the probe, telling when it takes long; StartRefused once the child ended `give_up` times."""
    told = plan.clock.monotonic() + _LONG
    while not await probe():
        if give_up is not None and child.failures >= give_up:
            raise StartRefused(ExitCode.FAILED, f"{child.spec.name} does not start:\n{child.words()}")
        if plan.clock.monotonic() >= told:
            plan.say(f"Still waiting for {child.spec.name}; its log is {child.spec.log}")
            told = plan.clock.monotonic() + _LONG
        await plan.clock.sleep(_OFTEN)


async def _keep_logs_small(plan: Plan) -> None:
    while True:
        await plan.clock.sleep(_ROTATE_EVERY)
        for path in plan.layout.logs.glob("*.log"):
            rotate(path)


def _facts(plan: Plan, roster: Roster, seconds: float) -> banner.Facts:
    return banner.Facts(
        url=roster.url,
        layout=plan.layout,
        configured=plan.layout.config.exists(),
        clients=len(plan.settings.clients),
        features=plan.settings.features,
        compact=plan.compact,
        open_to_network=not _is_loopback(plan.listen),
        command=_our_command(plan.layout.data),
        seconds=seconds,
    )


def _our_command(data: Path) -> str:
    """`sluice` where the shell finds it, else the path of the script beside our interpreter.

    With a data directory of its own it must be told which, or it would speak to another Sluice or to none.
    """
    name = "sluice" if shutil.which("sluice") else str(Path(sys.executable).parent / "sluice")
    usual = default_data(os.environ, root=os.geteuid() == 0)
    return name if data == usual else f"SLUICE_DATA={shlex.quote(str(data))} {name}"


def _is_loopback(listen: str) -> bool:
    try:
        return ip_address(listen).is_loopback
    except ValueError:
        return listen == "localhost"
