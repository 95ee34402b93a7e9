"""What `up` prints. Pure: values in, text out."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sluice_common.kit.settings import Feature
from sluice_embedded.layout import Layout

_EXAMPLE = """\
        clients:
          deluge:
            type: deluge
            url: http://127.0.0.1:8112
            password: deluge
            paths: {/downloads: /data/torrents}   # theirs: ours; leave out if equal
            owners: {movies: sluice}              # what Sluice imports; the rest is only shown
        libraries:
          movies: {kind: movies, root: /data/media/movies}"""


READY = "Sluice is ready"
_ONE = "all services in one, to save memory (--no-compact gives each its own)"
_EACH = "one per service (--compact saves memory)"


@dataclass(frozen=True)
class Facts:
    """What a ready Sluice tells about itself. `command` is how the user calls us, `seconds` what the start took."""

    url: str
    layout: Layout
    configured: bool
    clients: int
    features: Collection[Feature]
    compact: bool
    open_to_network: bool
    command: str
    seconds: float


def ready(facts: Facts) -> str:
    """The banner of a start that worked: where everything lies, and what to do next."""
    layout = facts.layout
    lines = [
        f"\n{READY} ({facts.seconds:.1f} s)\n",
        f"  Address         {facts.url}",
        f"  API key         in {layout.api_key}",
        f"  API reference   {facts.url}/schema/openapi.json (wants the API key)",
        f"  Configuration   {layout.config}{'' if facts.configured else ' (not there yet)'}",
        f"  Data            {layout.data}",
        f"  Logs            {layout.logs}",
        f"  Processes       {_ONE if facts.compact else _EACH}",
        "",
        *_network(facts),
        *_next_steps(facts),
        "  Ctrl-C here stops everything.\n",
    ]
    return "\n".join(lines)


def _network(facts: Facts) -> Sequence[str]:
    if not facts.open_to_network:
        return ()
    return ("  It listens on the network, over plain HTTP: put a TLS proxy in front of it outside a trusted one.", "")


def _next_steps(facts: Facts) -> Sequence[str]:
    if facts.clients:
        verbs = {
            "queue": f"    {facts.command} queue",
            "import": f"    {facts.command} libraries    # which are ready, and which still want `libraries init NAME`",
        }
        doctor = f"    {facts.command} doctor       # what is wrong with the set-up, and what to do"
        wanted = (line for name, line in verbs.items() if name in facts.features)
        return ("  Next, in another terminal:", *wanted, doctor)
    return (
        f"  No download client is configured yet. `{facts.command} init`, in another terminal, asks for what it needs",
        f"  and writes {facts.layout.config}. Or write it yourself, for example:",
        "",
        _EXAMPLE,
        "",
        "  Then stop (Ctrl-C) and start again; what you wrote yourself wants, in another terminal,",
        f"  `{facts.command} libraries init NAME` for each library, which marks its root as ours, once.",
        f"  `{facts.command} doctor` says what is still wrong, `{facts.command} queue` shows the downloads.",
    )


def starting(first: bool) -> str:
    """The line before anything is started."""
    return "Starting …" + (" The first start makes the database, which takes a few seconds more." if first else "")


def faults(config: str, found: Sequence[str]) -> str:
    """Every fault of the configuration at once."""
    many = "1 fault" if len(found) == 1 else f"{len(found)} faults"
    return "\n".join([f"The configuration ({config} and SLUICE_… variables) has {many}; nothing was started:"]
                     + [f"  - {fault}" for fault in found])  # fmt: skip


def port_in_use(listen: str, port: int, why: str) -> str:
    """The API's address cannot be listened on."""
    return (
        f"Cannot listen on {listen} port {port}: {why}. "
        f"Give another with --port N (or PORT=N for make), or set gateway.port; nothing was started."
    )
