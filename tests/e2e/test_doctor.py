"""Doctor before set-ups that are broken on purpose, over HTTP and by the command, and before one that is not."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from support.deluge import Deluge
from support.household import household
from support.product import Product, wait
from support.swarm import Swarm
from support.torrents import make_content
from support.up import processes_in

pytestmark = [pytest.mark.client, pytest.mark.timeout(400)]
Row = dict[str, Any]
Told = dict[tuple[str, str], tuple[str, str | None]]


def looked(product: Product) -> dict[tuple[str, str], Row]:
    """Every finding by its check and subject."""
    return {(row["check"], row["subject"]): row for row in product.get("/doctor")["items"]}


def told(found: dict[tuple[str, str], Row]) -> Told:
    """Status and code of every finding."""
    return {key: (row["status"], row["code"]) for key, row in found.items()}


def comes_to(product: Product, expected: Told) -> dict[tuple[str, str], Row]:
    """The findings, once they have exactly these statuses and codes."""
    seen: list[dict[tuple[str, str], Row]] = []

    def there() -> bool:
        seen.append(looked(product))
        return told(seen[-1]) == expected

    wait(there, seconds=90, what=lambda: str(set(told(seen[-1]).items()) ^ set(expected.items())))
    return seen[-1]


def all_well(product: Product) -> dict[tuple[str, str], Row]:
    """The findings, once every one of them is well."""
    seen: list[dict[tuple[str, str], Row]] = []

    def there() -> bool:
        seen.append(looked(product))
        return all(row["status"] == "ok" for row in seen[-1].values())

    wait(there, seconds=90, what=lambda: str([row for row in seen[-1].values() if row["status"] != "ok"]))
    return seen[-1]


def run(product: Product, *words: str) -> subprocess.CompletedProcess[str]:
    """The command as the user of this data directory runs it."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("SLUICE_")}
    return subprocess.run(
        [sys.executable, "-m", "sluice_cli.main", *words],
        env={**environ, "SLUICE_DATA": str(product.data)},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def finish_one(product: Product, swarm: Swarm, parent: Path) -> str:
    """A download of the client `deluge` that is complete; its file's path there."""
    torrent = swarm.seed(make_content(parent / "seed", "Finished.Film.2020.1080p.mkv", 400_000))
    added = product.post("/downloads", {"client": "deluge", "magnet": torrent.magnet, "category": "tv"})
    wait(
        lambda: product.queue().get(added["id"], {}).get("is_complete"),
        seconds=60,
        what=lambda: f"a complete download; {product.logs()}",
    )
    return "Finished.Film.2020.1080p.mkv"


@contextmanager
def read_only(place: Path) -> Iterator[None]:
    """A folder that nobody may write for as long as the block lasts: by its mode, or for root by a mount."""
    root = os.geteuid() == 0
    close = ["mount", "-o", "remount,ro", str(place)] if root else ["chmod", "0555", str(place)]
    reopen = ["mount", "-o", "remount,rw", str(place)] if root else ["chmod", "0755", str(place)]
    subprocess.run(close, check=True)
    try:
        yield
    finally:
        subprocess.run(reopen, check=True)


@pytest.fixture
def lockable(tmp_path: Path) -> Iterator[Path]:
    """A marked library's root that `read_only` can close."""
    place = tmp_path / "lockable"
    place.mkdir()
    if os.geteuid() == 0:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "sluice-test", place], check=True)
    try:
        (place / ".sluice-root").write_text("lockable\n")
        yield place
    finally:
        if os.geteuid() == 0:
            subprocess.run(["umount", place], check=True)


def test_a_set_up_that_is_broken_in_every_way(
    own_deluge: Deluge, swarm: Swarm, media: Path, data: Path, tmp_path: Path, lockable: Path
) -> None:
    """Wrong password, dead client, unmapped path, path that is not here, no marker, another's, no root, two file
    systems, a root that cannot be written: each is told by its own code with what to do, and nothing is left behind."""
    config = household(own_deluge, media)
    right = config["clients"]["deluge"]
    config["clients"] |= {
        "password": {**right, "password": "not this one"},
        "gone": {**right, "url": "http://127.0.0.1:1"},
        "unmapped": {**right, "paths": {"/somewhere/else": str(tmp_path)}},
        "misplaced": {**right, "paths": {str(own_deluge.download_dir): str(tmp_path / "not-there")}},
        "off": {**right, "enabled": False},
    }
    for name in ("tv", "unmarked", "taken"):
        (media / name).mkdir(exist_ok=True)
    (media / "tv" / ".sluice-root").write_text("tv\n")
    (media / "taken" / ".sluice-root").write_text("somebody\n")
    with tempfile.TemporaryDirectory(dir="/dev/shm") as memory:
        (Path(memory) / ".sluice-root").write_text("apart\n")
        config["libraries"] = {
            "tv": {"kind": "series", "root": str(media / "tv"), "link": "require"},
            "apart": {"kind": "movies", "root": memory, "link": "require"},
            "unmarked": {"kind": "movies", "root": str(media / "unmarked")},
            "taken": {"kind": "movies", "root": str(media / "taken")},
            "missing": {"kind": "movies", "root": str(media / "nothing-here")},
            "lockable": {"kind": "movies", "root": str(lockable)},
        }
        with Product(data, config) as product, read_only(lockable):
            file = finish_one(product, swarm, tmp_path)
            expected = _expected(str(own_deluge.download_dir))
            found = comes_to(product, expected)
            ran, shown = run(product, "doctor", "--json"), run(product, "doctor")
        assert os.listdir(memory) == [".sluice-root"]
    for row in found.values():
        assert bool(row["advice"]) == (row["status"] != "ok" and row["code"] != "disabled"), row
    assert "two file systems" in found["library.link", "deluge → apart"]["detail"]
    assert "libraries init unmarked" in found["library.marker", "unmarked"]["advice"]
    assert f"{own_deluge.download_dir}/{file}" in found["library.link", "deluge → tv"]["detail"]
    assert os.listdir(media / "unmarked") == []
    assert os.listdir(media / "tv") == [".sluice-root"]
    assert (ran.returncode, json.loads(ran.stdout)["status"]) == (1, "failed")
    assert (shown.returncode, shown.stderr) == (1, "")
    assert "failed: auth_failed" in shown.stdout
    assert "What to do: " in shown.stdout
    assert "not this one" not in shown.stdout + ran.stdout + product.logs()


def _expected(downloads: str) -> Told:
    """What the broken household must come to."""
    well = [("bus", "nats"), ("database", "gateway"), ("database", "importer")]
    well += [("service", "history"), ("service", "importer")]
    well += [
        (check, name) for name in ("deluge", "unmapped", "misplaced") for check in ("client.login", "client.version")
    ]
    well += [("path.mapped", f"deluge {downloads}"), ("client.file", f"deluge {downloads}")]
    well += [("library.marker", name) for name in ("tv", "apart", "lockable")]
    well += [("library.writable", "tv"), ("library.writable", "apart"), ("library.link", "deluge → tv")]
    return dict.fromkeys(well, ("ok", None)) | {
        ("client.login", "password"): ("failed", "auth_failed"),
        ("client.file", "password"): ("unknown", "table_unknown"),
        ("client.login", "gone"): ("failed", "unreachable"),
        ("client.file", "gone"): ("unknown", "table_unknown"),
        ("client.login", "off"): ("unknown", "disabled"),
        ("path.mapped", f"unmapped {downloads}"): ("failed", "unmapped_path"),
        ("client.file", "unmapped"): ("unknown", "unmapped_path"),
        ("path.mapped", f"misplaced {downloads}"): ("failed", "path_missing"),
        ("client.file", f"misplaced {downloads}"): ("failed", "source_missing"),
        ("library.link", "deluge → apart"): ("failed", "two_file_systems"),
        ("library.marker", "unmarked"): ("failed", "marker_missing"),
        ("library.marker", "taken"): ("failed", "marker_of_another"),
        ("library.root", "missing"): ("failed", "root_missing"),
        ("library.writable", "lockable"): ("failed", "read_only" if os.geteuid() == 0 else "permission_denied"),
    }


def test_a_set_up_that_is_well(product: Product, swarm: Swarm, media: Path, tmp_path: Path) -> None:
    """Before anything finished, what could not be tried is unknown and says so; then all is well, with exit code 0."""
    first = wait(lambda: untried(product), seconds=60, what="the client's list is known")
    assert told(first)["library.link", "deluge → tv"] == ("unknown", "no_file")
    assert "can be hardlinked" in first["library.link", "deluge → tv"]["detail"]
    assert "let one download finish" in first["client.file", "deluge"]["advice"]
    finish_one(product, swarm, tmp_path)
    found = all_well(product)
    assert sorted(subject for check, subject in found if check == "library.link") == ["deluge → movies", "deluge → tv"]
    ran = run(product, "doctor")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "What to do" not in ran.stdout
    assert [path.name for path in media.rglob(".sluice-*")] == [".sluice-root", ".sluice-root"]


def untried(product: Product) -> dict[tuple[str, str], Row] | None:
    """The findings, once the client's list is known and there is nothing finished in it."""
    found = looked(product)
    return found if told(found).get(("client.file", "deluge")) == ("unknown", "no_finished_file") else None


def test_a_server_that_hangs_is_a_finding(product: Product) -> None:
    """A database or a bus that does not answer: named, with what to do, and never an error of the API."""
    wait(lambda: untried(product), seconds=60, what="the client's list is known")
    database = {("database", "gateway"), ("database", "importer"), ("service", "history")}
    with frozen(product.data / "postgres"):
        wait(lambda: database <= failed(product).keys(), seconds=60, what=lambda: str(failed(product)))
    wait(lambda: failed(product) == {}, seconds=60, what=lambda: str(failed(product)))
    with frozen(product.data / "nats"):
        found = wait(lambda: failed(product), seconds=60, what="the bus fails")
        assert told(found) == {("bus", "nats"): ("failed", "bus_unavailable")}
        assert told(looked(product))["client.login", "deluge"] == ("unknown", "not_asked")
    assert "logs/nats.log" in found["bus", "nats"]["advice"]
    wait(lambda: failed(product) == {}, seconds=60, what=lambda: str(failed(product)))


def failed(product: Product) -> dict[tuple[str, str], Row]:
    """What doctor says has failed."""
    return {key: row for key, row in looked(product).items() if row["status"] == "failed"}


@contextmanager
def frozen(directory: Path) -> Iterator[None]:
    """The processes that work in this directory hang; the supervisor, which sees them alive, leaves them so."""
    pids: set[int] = set()
    try:
        while new := set(processes_in(directory)) - pids:  # a server may have forked while it was still awake
            for pid in new:
                os.kill(pid, signal.SIGSTOP)
            pids |= new
        assert pids, f"nothing runs in {directory}"
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def test_where_nothing_runs_doctor_says_so(product: Product) -> None:
    """Without a gateway: exit code 3, who was asked, what to start, and what is wrong with the configuration."""
    product.stop()
    (product.data / "sluice.yaml").write_text("clients: {deluge: {type: deluge, url: 'ftp://x'}}\nlibrary: {}\n")
    ran = run(product, "doctor", "--json")
    assert (ran.returncode, ran.stderr) == (3, "")
    found = json.loads(ran.stdout)["items"]
    assert {row["code"] for row in found} == {"unreachable", "configuration_wrong"}
    assert {row["detail"].partition(":")[0] for row in found[1:]} == {"clients.deluge.url", "library"}
    assert "sluice up" in run(product, "doctor").stdout


def test_what_init_wrote_is_well(own_deluge: Deluge, swarm: Swarm, media: Path, data: Path, tmp_path: Path) -> None:
    """From options to a running Sluice: the file that `sluice init` made is one that doctor has nothing against."""
    secret = tmp_path / "password"
    secret.write_text(own_deluge.password)
    words = ["init", "--yes", "--data", str(data), "--client", f"deluge=deluge,{own_deluge.url}"]
    words += ["--password-file", f"deluge={secret}", "--library", f"tv=series,{media}/tv"]
    made = subprocess.run(
        [sys.executable, "-m", "sluice_cli.main", *words], capture_output=True, text=True, timeout=100, check=False
    )
    assert made.returncode == 0, made.stderr
    with Product(data, yaml.safe_load((data / "sluice.yaml").read_text())) as product:
        finish_one(product, swarm, tmp_path)
        assert ("library.link", "deluge → tv") in all_well(product)
