"""Bad input through the whole product: a problem document that says what to do, and nothing changed."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from support.deluge import Deluge
from support.household import household
from support.product import Product, wait
from support.replay import Answer, Replay
from support.swarm import Swarm
from support.torrents import Torrent, hostile_torrents, make_content, raw_torrent

pytestmark = pytest.mark.client
MAGNET = "magnet:?xt=urn:btih:" + "0123456789abcdef" * 2 + "01234567"
# Names that would be made into a film's folder as they are, were they trusted.
FILMS = (
    "../../Climbed Film 2020 1080p.mkv",
    "/tmp/Absolute Film 2019 1080p.mkv",
    "Bell\x07 \x1b[2J Film 2018 1080p.mkv",
    "NUL\0 Film 2017 1080p.mkv",
    "L" * 290 + " 2016 1080p.mkv",
    "... 2015 1080p.mkv",
)
STRAYS = [Path("/tmp/absolute.mkv"), Path("/tmp/climbed.mkv"), Path("/climbed.mkv"), Path("/b.mkv")]


@contextmanager
def a_web_page() -> Iterator[str]:
    """The URL of a page of HTML on loopback, as a site answers that wants a log-in."""

    body = b"<html><body>Log in first</body></html>"
    with Replay(lambda _: Answer(body=body, content_type="text/html; charset=utf-8")) as page:
        yield f"{page.url}/download.torrent"


@pytest.fixture
def open_product(own_deluge: Deluge, media: Path, data: Path) -> Iterator[Product]:
    """Sluice that may fetch from 127.0.0.1, no other private address, and makes films of whatever names it gets."""
    config = household(own_deluge, media, fetch={"allow": ["127.0.0.1"]})
    config["libraries"]["movies"]["unknown"] = "create"
    with Product(data, config) as product:
        for name in ("tv", "movies"):
            product.post(f"/libraries/{name}/init")
        yield product


def refusal(answer: httpx.Response, status: int, code: str, *says: str) -> dict[str, Any]:
    """The problem document of an answer that must be this refusal, its detail naming what to do."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"].partition(";")[0] == "application/problem+json"
    document: dict[str, Any] = answer.json()
    assert (document["status"], document["code"]) == (status, code), document
    assert document["type"].endswith(code)
    assert document["title"]
    assert answer.headers["x-request-id"] == document["request_id"]
    assert all(word in document["detail"] for word in says), document["detail"]
    return document


def test_each_bad_input_is_a_problem_and_changes_nothing(
    open_product: Product, own_deluge: Deluge, swarm: Swarm, tmp_path: Path
) -> None:
    """Garbage, no hash, HTML, private addresses, duplicates, unknown clients, too much, no key, wrong Host."""
    product = open_product
    known = swarm.seed(make_content(tmp_path / "seed", "Known.mkv", 100_000))
    added = product.post("/downloads", {"client": "deluge", "magnet": known.magnet})
    wait(lambda: product.queue()[added["id"]]["is_complete"], what="a finished download")
    before = _kept(product)

    def add(status: int, code: str, *says: str, **new: Any) -> dict[str, Any]:
        return refusal(product.request("POST", "/downloads", json={"client": "deluge", **new}), status, code, *says)

    add(400, "torrent_invalid", ".torrent", torrent=_coded(b"this is no torrent"))
    add(400, "torrent_invalid", ".torrent", torrent=_coded(known.data[: len(known.data) // 2]))
    add(400, "torrent_invalid", ".torrent", torrent=_coded(os.urandom(2_000)))
    add(400, "magnet_invalid", "info-hash", magnet="magnet:?dn=no-hash")
    add(400, "magnet_invalid", magnet="magnet:?xt=urn:btih:123")
    add(400, "bad_source", "magnet, url and torrent")
    with a_web_page() as url:
        add(422, "url_not_torrent", "text/html", "log-in", url=url)
    for private in ("http://10.0.0.7/x.torrent", "http://169.254.169.254/latest", "http://[::1]:80/x", "http://0/x"):
        add(403, "url_refused", "address", "fetch: {allow:", url=private)
    add(404, "unknown_client", "deluge", client="qbit", magnet=MAGNET)
    add(413, "too_large", "5 MiB", torrent="A" * (8 * 1024 * 1024))
    for source in ({"magnet": known.magnet}, {"torrent": _coded(known.data)}):
        again = add(409, "duplicate", "Known.mkv", **source)
        assert (again["download"]["id"], again["download"]["epoch"]) == (added["id"], added["epoch"])
    refusal(product.request("POST", "/downloads/deluge/nothing/pause"), 404, "unknown_download", "queue")
    refusal(product.request("POST", "/downloads", content=b"{not json"), 400, "invalid_request")
    _strangers(product, known)
    assert _kept(product) == before


def _strangers(product: Product, known: Torrent) -> None:
    """Requests that are not let in: without a key, with a wrong one, for another Host."""
    url, path = f"{product.url}/api/v1/downloads", f"/downloads/deluge/{known.id}"
    body = {"client": "deluge", "magnet": MAGNET}
    with httpx.Client(trust_env=False) as anybody:
        refusal(anybody.post(url, json=body), 401, "key_required", "X-API-Key")
        refusal(anybody.post(url, json=body, headers={"X-API-Key": "guess"}), 401, "key_unknown")
        refusal(anybody.delete(f"{product.url}/api/v1{path}"), 401, "key_required")
        refusal(anybody.get(f"{product.url}/metrics"), 401, "key_required")
    answer = product.request("POST", "/downloads", json=body, headers={"Host": "evil.example.com"})
    refusal(answer, 421, "host_not_allowed", "gateway: {hosts: [evil.example.com]}")


def test_a_wrong_password_says_so(own_deluge: Deluge, media: Path, data: Path) -> None:
    """The client is named with its reason, an add says what to correct, and the password is nowhere to be read."""
    config = household(own_deluge, media)
    config["clients"]["deluge"]["password"] = "wrong-and-secret"
    with Product(data, config) as product:
        clients = wait(lambda: [c for c in product.get("/queue")["clients"] if c["reason"] == "auth_failed"])
        assert "password" in clients[0]["message"]
        answer = product.request("POST", "/downloads", json={"client": "deluge", "magnet": MAGNET})
        document = refusal(answer, 502, "client_auth_failed", "password", "configuration")
        assert product.queue() == {}
        assert _associations(product) == []
        said = f"{document} {product.get('/clients')} {product.said()}" + "".join(
            path.read_text(errors="replace") for path in (data / "logs").glob("*.log")
        )
        assert "wrong-and-secret" not in said


@pytest.mark.slow
@pytest.mark.timeout(500)
def test_hostile_names_place_nothing_outside_the_library(
    open_product: Product, own_deluge: Deluge, media: Path, data: Path, tmp_path: Path
) -> None:
    """Names that climb out, are absolute, hold NUL or control characters, or are too long: no byte leaves the library.

    Each goes through the real client where it takes it, its data lying where the client says.
    """
    product, body = open_product, os.urandom(20_000)
    (tmp_path / "bait.mkv").write_bytes(b"do not touch")
    around = _snapshot(tmp_path, media, own_deluge.directory)
    hostile: list[tuple[Torrent, str | None]] = [
        (torrent, _film(product, kind)) for kind, torrent in hostile_torrents(body).items()
    ]
    hostile += [(raw_torrent(name, body), None) for name in FILMS]
    taken = [torrent for torrent, item in hostile if _taken(product, torrent, item)]
    assert len(taken) >= len(hostile) // 2, "the client takes most of them"
    for torrent in taken:
        _give_data(product, own_deluge, torrent.id, body)
    wait(
        lambda: all(row["state"] in ("imported", "blocked", "failed") for row in _judged(product)),
        seconds=60,
        what=lambda: f"a judgement of each; {product.imports()} {product.logs()}",
    )
    told = {row["name"]: (row["state"], row["reason"]) for row in _judged(product)}
    assert [state for state, _ in told.values()].count("imported") >= len(taken) // 2, told
    assert _snapshot(tmp_path, media, own_deluge.directory) == around
    assert sorted(path.name for path in media.iterdir()) == ["movies", "tv"]
    assert not [path for path in STRAYS if path.exists()]
    for path in media.rglob("*"):
        assert not path.is_symlink()
        assert len(path.name.encode()) <= 255
        assert path.name.isprintable(), path
    assert not list(media.rglob(".sluice-*-*")), "no temporary directory is left"


def _film(product: Product, title: str) -> str:
    item: str = product.post("/media", {"kind": "movie", "title": title.replace("_", " "), "year": 2001})["id"]
    return item


def _taken(product: Product, torrent: Torrent, item: str | None) -> bool:
    """Whether the client takes it; a refusal is a problem document."""
    body = {"client": "deluge", "torrent": _coded(torrent.data), "category": "movies", "media_item": item}
    answer = product.request("POST", "/downloads", json=body)
    if answer.status_code in (201, 202):
        return True
    refusal(answer, 400, "torrent_invalid")
    return False


def _give_data(product: Product, deluge: Deluge, download_id: str, body: bytes) -> None:
    """Put the bytes where the client itself would, and let it find them."""
    path = f"/downloads/deluge/{download_id}"
    row = product.queue()[download_id]
    for file in product.get(f"{path}/files")["items"]:
        target = Path(row["save_path"]) / file["path"]
        assert Path(os.path.normpath(target)).is_relative_to(deluge.download_dir), "the client climbs by itself"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(body)
    product.post(f"{path}/recheck")
    wait(
        lambda: product.queue()[download_id]["is_complete"], what=lambda: f"completion; {product.queue()[download_id]}"
    )


def _judged(product: Product) -> list[dict[str, Any]]:
    """The import of every complete download."""
    imports = {
        row["download_id"]: row for row in product.sql("SELECT download_id, name, state, reason FROM library.imports")
    }
    waiting = {"name": "", "state": "none", "reason": None}
    return [imports.get(row["id"], waiting) for row in product.queue().values()]


def _snapshot(around: Path, *but: Path) -> dict[str, bytes]:
    """Every file below `around` and its bytes, but for what is below `but`."""
    found = (path for path in around.rglob("*") if path.is_file())
    return {str(path): path.read_bytes() for path in found if not any(path.is_relative_to(one) for one in but)}


def _kept(product: Product) -> tuple[object, ...]:
    """What a refused request must not change: the queue, what downloads are for, the imports, the media items."""
    rows = {key: (row["epoch"], row["category"], row["is_complete"]) for key, row in product.queue().items()}
    return rows, _associations(product), product.imports(), product.get("/media")


def _associations(product: Product) -> list[dict[str, Any]]:
    return product.sql("SELECT client, download_id, request_id FROM library.downloads ORDER BY download_id")


def _coded(data: bytes) -> str:
    return base64.b64encode(data).decode()
