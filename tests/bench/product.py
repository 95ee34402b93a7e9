"""Sluice as it is installed, in front of what a benchmark measures: `sluice up`, a process per service."""

from __future__ import annotations

import os
import shutil
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx

from support.clients import RealClient
from support.product import Product

SERVICES = ("client-poller", "gateway")


class Installation:
    """A data directory that was started once, for copies: what a first start does once is not measured again."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._count = 0
        home.chmod(0o711)
        with Product(home / "template", {"clients": {}}):
            pass

    @contextmanager
    def product(self, config: Mapping[str, Any]) -> Iterator[Product]:
        """Not started yet; it knows no client: its queue is unknown. Stopped and removed at the end."""
        self._count += 1
        data = self._home / f"data{self._count}"
        shutil.copytree(self._home / "template", data, symlinks=True)
        _own(self._home / "template", data)
        product = Product(data, config)
        try:
            yield product
        except Exception:
            print(product.said(), product.logs(), sep="\n", file=sys.stderr)
            raise
        finally:
            product.stop()
            shutil.rmtree(data)


@contextmanager
def installed() -> Iterator[Installation]:
    """An installation in a directory that PostgreSQL's unprivileged user can reach."""
    with TemporaryDirectory(prefix="sluice-bench-", ignore_cleanup_errors=True) as directory:
        yield Installation(Path(directory))


def entry(client: RealClient) -> dict[str, Any]:
    """What the configuration says of a client whose downloads are only shown."""
    login = {"username": client.username} if client.username else {}
    return {"type": client.type, "url": client.url, "password": client.password, **login}


def key_of(product: Product) -> str:
    """Its first API key."""
    return (product.data / "api-key").read_text().strip()


def start_cold(product: Product, count: int) -> float:
    """Seconds from the start of `sluice up` until the API's queue has `count` rows. It is ready when this returns."""
    began = time.monotonic()
    seen: list[float] = []
    over = threading.Event()
    watch = threading.Thread(target=_watch, args=(product, count, seen, over), daemon=True)
    watch.start()
    try:
        product.start()
        watch.join(300)
    finally:
        over.set()
    if not seen:
        raise TimeoutError(f"the queue has not {count} rows after 300 s\n{product.logs()}")
    return seen[0] - began


def _watch(product: Product, count: int, seen: list[float], over: threading.Event) -> None:
    with httpx.Client(base_url=product.url, headers={"X-API-Key": key_of(product)}, trust_env=False) as http:
        while not over.wait(0.02):
            try:
                reply = http.get("/api/v1/queue", params={"limit": 1})
            except httpx.TransportError:
                continue
            if reply.status_code == 200 and reply.json()["total"] >= count:
                seen.append(time.monotonic())
                return


def pids_of(product: Product) -> dict[str, int]:
    """The services whose work grows with the queue."""
    return {name: product.pids(name)[0] for name in SERVICES}


def _own(source: Path, target: Path) -> None:
    """As root the database's files belong to somebody else, and a copy to root."""
    if os.geteuid() != 0:
        return
    for path in (source, *source.rglob("*")):
        told = path.lstat()
        os.chown(target / path.relative_to(source), told.st_uid, told.st_gid, follow_symlinks=False)
