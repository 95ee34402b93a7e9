"""What the gateway itself says about bus, database, services and clients, with what to do. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

from sluice_common.contracts.doctor import AboutClient, Finding, Verdict
from sluice_common.kit.errors import Problem
from sluice_common.kit.settings import OURS, ClientSettings, NatsSettings, Settings
from sluice_common.kit.urls import public

_NOBODY = ("no_responder", "no_answer", "unknown_outcome")
_NEARLY = 0.7


def bus(trouble: str | None, settings: NatsSettings) -> Finding:
    """Whether NATS and its streams are there."""
    where = public(settings.url)
    if trouble is None:
        return Finding(check="bus", subject="nats", status=Verdict.OK, detail=f"NATS with JetStream answers at {where}")
    return Finding(
        check="bus",
        subject="nats",
        status=Verdict.FAILED,
        code="bus_unavailable",
        detail=f"{trouble} ({where})",
        advice="`sluice up` runs it and starts it again (logs/nats.log in the data directory); a server of your own: "
        "does it run with JetStream, are nats.url, nats.user and nats.password right?",
    )


def database(trouble: str | None) -> Finding:
    """Whether the gateway reaches its database."""
    if trouble is None:
        return Finding(check="database", subject="gateway", status=Verdict.OK, detail="PostgreSQL answers")
    return Finding(
        check="database",
        subject="gateway",
        status=Verdict.FAILED,
        code="database_unavailable",
        detail=trouble,
        advice="`sluice up` runs it and starts it again (logs/postgres.log in the data directory); a server of your "
        "own: does it run, are postgres.dsn and postgres.password right?",
    )


def service(name: str, problem: Problem | None) -> Finding:
    """Whether a service answers."""
    if problem is None:
        return Finding(check="service", subject=name, status=Verdict.OK, detail="it answers")
    advice = f"see the log of the {name} (logs/ in the data directory, or `docker compose logs`), and restart it"
    return Finding(
        check="service", subject=name, status=Verdict.FAILED, code=problem.code, detail=problem.detail, advice=advice
    )


def client(name: str, settings: ClientSettings, answer: AboutClient | Problem | None) -> list[Finding]:
    """Whether the client answers and takes our password, and whether we know its version."""
    if answer is None:
        return [_login(name, Verdict.UNKNOWN, "disabled", f"clients.{name}.enabled is false", "")]
    if isinstance(answer, Problem):
        return [_unanswered(name, settings, answer)]
    if answer.reason is not None:
        detail = answer.message or answer.reason
        return [_login(name, Verdict.FAILED, answer.reason, detail, _advice(name, settings, answer.reason))]
    fine = _login(name, Verdict.OK, None, f"{settings.type} at {public(settings.url)} answers and lets us in", "")
    return [fine, _version(name, settings, answer)]


def _login(name: str, status: Verdict, code: str | None, detail: str, advice: str) -> Finding:
    return Finding(
        check="client.login", subject=name, status=status, code=code, detail=detail, advice=advice, client=name
    )


def _unanswered(name: str, settings: ClientSettings, problem: Problem) -> Finding:
    if problem.code == "no_responder":
        detail = f"no poller holds {name}, so nobody can ask it"
        advice = "is the client-poller running (logs/ in the data directory)? A new one may need 15 seconds"
        return _login(name, Verdict.FAILED, "no_poller", detail, advice)
    if problem.code in _NOBODY:
        detail = f"{name} did not answer in time"
        return _login(name, Verdict.FAILED, "no_answer", detail, _advice(name, settings, "no_answer"))
    return _login(name, Verdict.FAILED, problem.code, problem.detail, _advice(name, settings, problem.code))


def _advice(name: str, settings: ClientSettings, reason: str) -> str:
    where = f"clients.{name}.url ({public(settings.url)})"
    users = "" if settings.username is None else f"clients.{name}.username and "
    return {
        "auth_failed": f"set {users}clients.{name}.password (or password_file) to what the client's own web "
        "interface takes, then restart Sluice; after many wrong ones a client may ban our address for a while",
        "unreachable": f"is the client running, and is {where} right as seen from where Sluice runs? In a container "
        "127.0.0.1 is the container itself: use the client's service name",
        "no_answer": f"the client at {where} takes the connection and says nothing: restart it",
        "protocol_error": f"does {where} lead to a {settings.type}, without a log-in page or proxy in front of it?",
    }.get(reason, f"see {where}, and the log of the client-poller")


def _version(name: str, settings: ClientSettings, told: AboutClient) -> Finding:
    known, tested = f"{settings.type} {told.version}", ", ".join(told.tested)
    if told.is_tried is None:
        status, code, detail = Verdict.UNKNOWN, "version_unknown", f"{name} tells no version that we can read"
    elif told.is_tried:
        status, code, detail = Verdict.OK, None, known + _how_known(told, tested)
    else:
        status, code = Verdict.WARNING, "version_untried"
        detail = f"{known} is not a version that Sluice knows" + (f"; tested are {tested}" if tested else "")
    advice = "" if status == Verdict.OK else "docs/clients.md lists the versions; it may work all the same"
    return Finding(
        check="client.version", subject=name, status=status, code=code, detail=detail, advice=advice, client=name
    )


def _how_known(told: AboutClient, tested: str) -> str:
    """A version that was only read about is not said to be tested."""
    if told.is_tested is None:
        return ""
    if told.is_tested:
        return f", of a tested series ({tested})"
    return f": known from its API's documentation, not tested (tested are {tested})"


def configuration(settings: Settings) -> list[Finding]:
    """What is not configured at all, and so cannot be looked at."""
    found: list[Finding] = []
    if not settings.clients:
        found.append(_missing("no_client", "no download client is configured", "clients"))
    if "import" in settings.features and not settings.libraries:
        found.append(_missing("no_library", "no library is configured, so nothing is imported", "libraries"))
    imports = any(OURS in client.owners.values() for client in settings.clients.values())
    if "import" in settings.features and settings.clients and settings.libraries and not imports:
        detail = "no category of any client is ours, so nothing is imported"
        found.append(_missing("no_owner", detail, "clients.<name>.owners (category: sluice)"))
    return [*found, *(_misspelt(settings) if "import" in settings.features else _left_off(settings))]


def _left_off(settings: Settings) -> Iterator[Finding]:
    """What was configured to be imported while nothing is."""
    ours = [f"clients.{name}.owners" for name, client in settings.clients.items() if OURS in client.owners.values()]
    named = ([f"libraries ({', '.join(settings.libraries)})"] if settings.libraries else []) + ours
    if named:
        detail = f"the feature import is off, so nothing is imported, whatever is set in {' and '.join(named)}"
        advice = (
            "if Sluice shall import, take `features` out of sluice.yaml (or add import to it), then restart it; "
            "if not, take those keys out"
        )
        yield _configured("import_off", detail, advice)


def _misspelt(settings: Settings) -> Iterator[Finding]:
    """Owners that are nearly our name: what belongs to another is only shown, and nobody would import it."""
    for name, client in settings.clients.items():
        for category, owner in client.owners.items():
            if owner != OURS and SequenceMatcher(None, owner, OURS).ratio() >= _NEARLY:
                detail = f"the category {category!r} of {name} belongs to {owner!r}: Sluice only shows it"
                advice = f"if Sluice shall import it, set clients.{name}.owners to {category}: {OURS}, then restart it"
                yield _configured("owner_unknown", detail, advice)


def changed() -> Finding:
    """The file is another one than the services read."""
    detail = "sluice.yaml changed since Sluice started: what is said here is of the configuration before"
    return _configured("changed", detail, "restart Sluice (Ctrl-C and `make run`, or its containers)")


def _missing(code: str, detail: str, key: str) -> Finding:
    advice = f"set {key} in sluice.yaml (`sluice init` writes a first one), then restart Sluice"
    return _configured(code, detail, advice)


def _configured(code: str, detail: str, advice: str) -> Finding:
    return Finding(
        check="configuration", subject="sluice.yaml", status=Verdict.WARNING, code=code, detail=detail, advice=advice
    )


def unasked(settings: Settings) -> Sequence[Finding]:
    """Without the bus nobody can be asked."""
    detail, advice = "it cannot be asked while the bus is down", "see the check bus"
    names = ["history"] + (["importer"] if "import" in settings.features else [])
    services = [_unknown("service", name, detail, advice) for name in names]
    clients = [_unknown("client.login", name, detail, advice, client=name) for name in settings.clients]
    return [*services, *clients, *(unseen(settings) if "import" in settings.features else ())]


def unseen(settings: Settings) -> Sequence[Finding]:
    """Without the importer nobody looks at the disk."""
    detail, advice = "only the importer can look at it, and it does not answer", "see the check service"
    return [_unknown("library.root", name, detail, advice, library=name) for name in settings.libraries]


def _unknown(
    check: str, subject: str, detail: str, advice: str, *, client: str | None = None, library: str | None = None
) -> Finding:
    return Finding(
        check=check, subject=subject, status=Verdict.UNKNOWN, code="not_asked", detail=detail, advice=advice,
        client=client, library=library,
    )  # fmt: skip
