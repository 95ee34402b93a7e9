"""The oracle of every fault: nothing lost, nothing doubled. It asks the disk and the database, no service."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from support.product import Product

# What a download that was imported has in its history, once each, in this order.
ONCE = ("download.added", "download.completed", "file.registered", "import.completed")
ORDER = ("download.added", "download.completed", "import.started", "file.registered", "import.completed")


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """A download and where its one file belongs: `source` in the client, `path` below the library's root."""

    id: str
    source: Path
    original: Path
    library: str
    path: str
    method: str


def faults(product: Product, media: Path, wanted: Sequence[Wanted]) -> list[str]:
    """Everything that is not as it must be once all of `wanted` is imported; empty when all is well."""
    return [
        *_on_disk(media, wanted),
        *_imports(product, wanted),
        *_files(product, wanted),
        *_history(product, wanted),
        *(f"unsent: {row}" for row in product.sql("SELECT id, import_id FROM library.outbox WHERE sent_at IS NULL")),
    ]


def _on_disk(media: Path, wanted: Sequence[Wanted]) -> Iterator[str]:
    expected = {f"{one.library}/{one.path}": one for one in wanted}
    there = {str(path.relative_to(media)) for path in media.rglob("*") if not path.is_dir()}
    there -= {f"{root.name}/.sluice-root" for root in media.iterdir()}
    yield from (f"not in the library: {path}" for path in expected.keys() - there)
    yield from (f"left in the library: {path}" for path in there - expected.keys())
    yield from (f"left in the library: {path}" for path in media.rglob(".sluice-*-*"))
    for path in expected.keys() & there:
        yield from _one_file(media / path, expected[path])


def _one_file(target: Path, one: Wanted) -> Iterator[str]:
    if target.read_bytes() != one.original.read_bytes() or one.source.read_bytes() != one.original.read_bytes():
        yield f"other bytes: {target}"
    placed, seeded = target.stat(), one.source.stat()
    if os.path.samestat(placed, seeded) != (one.method == "hardlink"):
        yield f"not by {one.method}: {target}"
    if seeded.st_nlink != (2 if one.method == "hardlink" else 1):
        yield f"{seeded.st_nlink} links: {one.source}"


def _imports(product: Product, wanted: Sequence[Wanted]) -> Iterator[str]:
    rows = product.sql("SELECT download_id, state, reason, message, attempt FROM library.imports")
    many = Counter(row["download_id"] for row in rows)
    yield from (f"{many[one.id]} imports of {one.path}" for one in wanted if many[one.id] != 1)
    yield from (f"import: {row}" for row in rows if row["state"] not in ("imported", "ignored"))


def _files(product: Product, wanted: Sequence[Wanted]) -> Iterator[str]:
    rows = product.sql(
        "SELECT f.library, f.path, f.method, f.inode, i.download_id FROM library.files f "
        "JOIN library.imports i ON i.id = f.import_id"
    )
    found = sorted((row["download_id"], row["library"], row["path"], row["method"]) for row in rows)
    expected = sorted((one.id, one.library, one.path, one.method) for one in wanted)
    if found != expected:
        yield f"registered files differ: {sorted(set(found) ^ set(expected))}"


def _history(product: Product, wanted: Sequence[Wanted]) -> Iterator[str]:
    told: dict[str, list[str]] = defaultdict(list)
    for row in timelines(product):
        told[row["download_id"]].append(row["type"])
    for one in wanted:
        counts = Counter(told[one.id])
        seen = iter(told[one.id])
        if any(counts[kind] != 1 for kind in ONCE) or not all(kind in seen for kind in ORDER):
            yield f"history of {one.path}: {told[one.id]}"
        if counts["download.removed"] or counts["download.cancelled"]:
            yield f"told as removed: {one.path}"


def timelines(product: Product) -> list[dict[str, Any]]:
    """Every recorded event about a download, in the order in which a timeline shows it."""
    return product.sql(
        "SELECT id, type, download_id, epoch, time FROM history.events WHERE download_id IS NOT NULL ORDER BY time, id"
    )
