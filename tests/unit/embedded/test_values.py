"""What the embedded room decides without a process: accounts, configuration text, environments, files."""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib.metadata import entry_points
from pathlib import Path

import pytest
from pydantic import SecretStr

from sluice_common.kit.errors import SluiceError
from sluice_common.kit.settings import Feature, NatsSettings, PostgresSettings
from sluice_embedded import banner, compact, logs
from sluice_embedded.account import Account, choose, first_closed
from sluice_embedded.faults import ExitCode, StartRefused
from sluice_embedded.layout import Layout, default_data, occupied, persisted, persisted_port
from sluice_embedded.nats import NatsServer, config_text
from sluice_embedded.postgres import PostgresServer, command, major_of
from sluice_embedded.readiness import url_of
from sluice_embedded.services import SERVICES, Surroundings, chosen, in_one


def test_only_root_needs_another_account() -> None:
    """An ordinary user runs PostgreSQL as itself; root as whoever owns the data, else as a uid that nobody has."""
    assert choose(False, Account(1000, 1000), ()) is None
    assert choose(True, Account(1000, 50), ()) == Account(1000, 50)
    free = choose(True, None, (54_320, 54_321))
    assert free == choose(True, Account(0, 0), (54_320, 54_321)) == Account(54_322, 54_322)


def test_a_closed_directory_on_the_way_is_named(tmp_path: Path) -> None:
    """The topmost directory that others cannot pass is what the user has to know."""
    inner = tmp_path / "closed" / "open"
    inner.mkdir(parents=True)
    inner.parent.chmod(0o700)
    closed = first_closed(inner)
    assert closed is not None
    assert closed == inner.parent or closed in inner.parents


def test_nats_syncs_always_and_quotes_its_paths() -> None:
    """An acknowledged message is on the disk; a path with blanks and quotes does not break the file."""
    text = config_text(NatsServer(Path('/tmp/a "b" ü'), 4, "secret"))
    assert "sync_interval: always" in text
    assert 'store_dir: "/tmp/a \\"b\\" ü/jetstream"' in text
    assert "host: 127.0.0.1\n" in text
    assert 'password: "secret"' in text


def test_features_choose_the_services() -> None:
    """Without `import` no importer runs; gateway, poller and history always do."""
    queue: list[Feature] = ["queue"]
    names = [service.name for service in chosen(SERVICES, queue)]
    assert names == ["gateway", "client-poller", "history"]
    assert "importer" in [service.name for service in chosen(SERVICES, [*queue, "import"])]


def test_every_service_can_share_one_process() -> None:
    """Compact is one child with the very services that the features want; each is installed under its name there."""
    (one,) = in_one(chosen(SERVICES, ["queue"]))
    assert one.command[-4:] == ("sluice_embedded.compact", "gateway", "client-poller", "history")
    assert not one.serves_api, "ready on its own port, where all of them are asked, not the gateway alone"
    assert {service.name for service in SERVICES} == {entry.name for entry in entry_points(group=compact.GROUP)}
    with pytest.raises(SluiceError, match="not installed: fetcher; there are: client-poller, gateway"):
        compact.builds(["gateway", "fetcher"])


def test_a_service_is_told_where_everything_is() -> None:
    """Ours beats what the user's environment says, for the bus as for the rest; other variables pass."""
    around = Surroundings(
        Layout(Path("/d")),
        NatsSettings(url="nats://127.0.0.1:1", user="sluice", password=SecretStr("n")),
        PostgresSettings(dsn="postgresql://sluice@127.0.0.1:2/sluice", password=SecretStr("p")),
        "::",
        9,
    )
    told = around.environment({"SLUICE_NATS__URL": "nats://elsewhere", "TZ": "UTC"}, 7)
    assert told["SLUICE_NATS__URL"] == "nats://127.0.0.1:1"
    assert (told["SLUICE_NATS__PASSWORD"], told["SLUICE_POSTGRES__PASSWORD"], told["TZ"]) == ("n", "p", "UTC")
    assert (told["SLUICE_GATEWAY__LISTEN"], told["SLUICE_GATEWAY__PORT"]) == ("::", "9")
    assert (told["SLUICE_HEALTH__PORT"], told["SLUICE_CONFIG"]) == ("7", "/d/sluice.yaml")
    assert told["SLUICE_GATEWAY__FIRST_KEY_PATH"] == "/d/api-key"


def test_a_secret_is_made_once_and_private(tmp_path: Path) -> None:
    """The second start reads what the first one wrote, 0600."""
    path = tmp_path / "secret"
    assert persisted(path, lambda: "one") == persisted(path, lambda: "two") == "one"
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("damage", ["", "[]", "{", '{"nats": "x"}'])
def test_a_port_is_kept_until_it_is_taken(tmp_path: Path, damage: str) -> None:
    """A port stays the same over restarts, changes when it is not usable, and a damaged file is no obstacle."""
    path = tmp_path / "ports.json"
    path.write_text(damage)
    ports = iter((10, 20))
    assert persisted_port(path, "nats", lambda _: True, ports.__next__) == 10
    assert persisted_port(path, "nats", lambda _: True, ports.__next__) == 10
    assert persisted_port(path, "nats", lambda port: port != 10, ports.__next__) == 20
    assert json.loads(path.read_text())["nats"] == 20


def test_one_data_directory_one_sluice(tmp_path: Path) -> None:
    """While one holds the directory, another is refused; after it let go, not."""
    layout = Layout(tmp_path / "data")
    with occupied(layout, root=False):
        with pytest.raises(StartRefused) as refused, occupied(layout, root=False):
            pass
        assert refused.value.code == ExitCode.ALREADY_RUNNING
    with occupied(layout, root=False):
        pass


def test_a_cluster_says_who_wrote_it(tmp_path: Path) -> None:
    """The major of a cluster, and nothing where there is none."""
    assert major_of(tmp_path) is None
    (tmp_path / "PG_VERSION").write_text("17\n")
    assert major_of(tmp_path) == "17"


def test_an_older_server_is_not_given_what_it_does_not_know(tmp_path: Path) -> None:
    """`io_method` came with 18; an older server would refuse to start."""
    for major, known in (("16", False), ("18", True)):
        words = command(PostgresServer(tmp_path, 1, "secret", tmp_path, major=major))
        assert ("io_method=sync" in words) is known
        assert "jit=off" in words


def test_logs_stay_small(tmp_path: Path) -> None:
    """A log over its cap begins anew with one file of before, while the writer keeps appending to the same file."""
    log = tmp_path / "x.log"
    with log.open("ab", buffering=0) as writer:
        writer.write(b"old\n" * 10)
        logs.rotate(log, cap=50)
        assert log.read_bytes() == b"old\n" * 10
        logs.rotate(log, cap=10)
        writer.write(b"new\n")
    assert log.read_text() == "new\n"
    assert (tmp_path / "x.log.1").read_text() == "old\n" * 10


def test_the_tail_is_of_this_start_alone(tmp_path: Path) -> None:
    """What an earlier start wrote is not shown as the reason of this one's end."""
    log = tmp_path / "x.log"
    log.write_text("before\n" + "".join(f"line {n}\n" for n in range(30)))
    assert logs.tail(log, lines=2) == "    line 28\n    line 29"
    assert "before" not in logs.tail(log, lines=99, start=7)
    assert logs.tail(tmp_path / "none") == ""


@pytest.mark.parametrize(
    ("listen", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:8420"),
        ("0.0.0.0", "http://127.0.0.1:8420"),  # noqa: S104 - a value
        ("::", "http://[::1]:8420"),
        ("192.168.1.5", "http://192.168.1.5:8420"),
    ],
)
def test_a_wildcard_is_no_address_to_open(listen: str, url: str) -> None:
    """The printed URL works in a browser of this machine."""
    assert url_of(listen, 8420) == url


def _facts(
    clients: int, open_to_network: bool, features: Sequence[Feature] = ("queue", "import"), compact: bool = False
) -> banner.Facts:
    return banner.Facts(
        url="http://x:1",
        layout=Layout(Path("/d")),
        configured=clients > 0,
        clients=clients,
        features=features,
        compact=compact,
        open_to_network=open_to_network,
        command="sluice",
        seconds=1.0,
    )


def test_a_start_without_clients_says_what_to_do() -> None:
    """The first start shows an example, where it goes, and that a restart is needed; a configured one does not."""
    told = banner.ready(_facts(0, False))
    assert "/d/sluice.yaml (not there yet)" in told
    assert "type: deluge" in told
    assert "start again" in told
    configured = banner.ready(_facts(1, False))
    assert "type: deluge" not in configured
    assert "sluice queue" in configured
    assert "sluice libraries" in configured


def test_the_banner_says_how_it_runs_and_what_there_is_to_look_at() -> None:
    """Whether the services share a process, and how to change that; no verb is proposed whose feature is off."""
    shared, each = banner.ready(_facts(1, False, compact=True)), banner.ready(_facts(1, False, compact=False))
    assert "--no-compact" in shared
    assert "--no-compact" not in each
    assert "--compact" in each
    only_queue = banner.ready(_facts(1, False, features=("queue",)))
    assert "sluice queue" in only_queue
    assert "sluice libraries" not in only_queue
    assert "sluice queue" not in banner.ready(_facts(1, False, features=("import",)))


def test_listening_on_the_network_is_said() -> None:
    """Plain HTTP beyond this machine is never silent."""
    assert "listens on the network" in banner.ready(_facts(1, True))
    assert "listens on the network" not in banner.ready(_facts(1, False))


def test_the_example_of_the_banner_is_a_valid_configuration(tmp_path: Path) -> None:
    """What a new user is told to write loads."""
    from sluice_common.kit.settings import load

    lines = banner.ready(_facts(0, False)).splitlines()
    begin = next(at for at, line in enumerate(lines) if line.strip() == "clients:")
    example = [line.removeprefix("        ") for line in lines[begin:] if line.startswith("        ")]
    (tmp_path / "sluice.yaml").write_text("\n".join(example))
    settings = load(tmp_path / "sluice.yaml", {})
    assert list(settings.clients) == ["deluge"]
    assert list(settings.libraries) == ["movies"]


def test_where_data_lies_by_default() -> None:
    """Root's data is the machine's, everybody else's is in the home directory."""
    assert default_data({"HOME": "/home/x"}, root=False) == Path("/home/x/.local/share/sluice")
    assert default_data({"HOME": "/root"}, root=True) == Path("/var/lib/sluice")
