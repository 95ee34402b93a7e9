"""Logs are JSON events and hold no secret, whoever writes the line."""

from __future__ import annotations

import io
import json
import logging
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from sluice_common.kit import log
from sluice_common.kit.log import mask_text


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[_Events]:
    """What was logged, as text and as events."""
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    log.configure("demo", "info")
    try:
        yield _Events(stream)
    finally:
        structlog.reset_defaults()
        for handler in [one for one in logging.getLogger().handlers if getattr(one, "sluice", False)]:
            logging.getLogger().removeHandler(handler)


class _Events:
    def __init__(self, stream: io.StringIO) -> None:
        self._stream = stream

    @property
    def text(self) -> str:
        return self._stream.getvalue()

    @property
    def all(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.text.splitlines()]


def test_an_event_is_one_json_line_with_time_level_service_and_fields(lines: _Events) -> None:
    """A log line can be read by a machine: ISO time in UTC, level, service, event and its fields."""
    log.get("sluice.test").info("poll_finished", client="qbit", downloads=3)
    event = lines.all[0]
    assert event.pop("time").endswith("Z")
    assert event == {
        "event": "poll_finished", "level": "info", "service": "demo", "logger": "sluice.test",
        "client": "qbit", "downloads": 3,
    }  # fmt: skip


def test_a_library_s_line_takes_the_same_way(lines: _Events) -> None:
    """What libraries say through logging is an event of ours too, from warning up for the chatty ones."""
    logging.getLogger("httpx").info("HTTP Request: GET http://x/?token=abc")
    logging.getLogger("httpx").warning("odd %s", "http://u:hunter2@x/")
    assert [event["event"] for event in lines.all] == ["odd http://***@x/"]
    assert lines.all[0]["service"] == "demo"


def test_debug_is_dropped_at_level_info(lines: _Events) -> None:
    """The configured level holds for our own events."""
    log.get("sluice.test").debug("noise")
    assert lines.text == ""


@pytest.mark.parametrize(
    "key", ["password", "new_password", "api_key", "apiKey", "X-Api-Key", "token", "Authorization", "cookie", "passkey"]
)
def test_a_field_with_a_secret_s_name_is_masked(lines: _Events, key: str) -> None:
    """A value under a secret-looking name never reaches the log, however deep it is."""
    log.get("sluice.test").info("x", **{key: "hunter2"}, nested={"list": [{key: b"hunter2"}]})
    assert "hunter2" not in lines.text
    assert lines.all[0][key] == "***"


def test_a_traceback_is_masked_too(lines: _Events) -> None:
    """An exception's text and its traceback lose their secrets, and local variables are not printed."""
    hidden = "local" + "value"
    try:
        raise ValueError(f"GET https://bob:hunter2@example.org/rss?passkey=hunter2 failed {hidden and ''}")
    except ValueError:
        log.get("sluice.test").exception("failed")
    assert "ValueError" in lines.all[0]["exception"]
    assert "hunter2" not in lines.text
    assert "localvalue" not in lines.text


def test_a_context_s_service_beats_the_process_s(lines: _Events) -> None:
    """Several services in one process keep their own names."""
    with structlog.contextvars.bound_contextvars(service="importer"):
        log.get("sluice.test").info("x")
    assert lines.all[0]["service"] == "importer"


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("nats://me:hunter2@host:4222", "nats://***@host:4222"),
        ("postgresql://sluice:hunter2@db/sluice", "postgresql://***@db/sluice"),
        ("https://x/dl?id=7&apikey=hunter2&t=get", "https://x/dl?id=7&apikey=***&t=get"),
        ("https://x/rss?torrent_pass=hunter2", "https://x/rss?torrent_pass=***"),
        ("https://t.example/0123456789abcdef/announce", "https://t.example/***/announce"),
        ("&tr=https%3A%2F%2Ft.example%2F0123456789abcdef%2Fannounce", "&tr=https%3A%2F%2Ft.example%2F***%2Fannounce"),
        ("Authorization: Bearer hunter2", "Authorization: Bearer ***"),
        ("Set-Cookie: sid=hunter2", "Set-Cookie: ***"),
        ("{'password': 'hunter2', 'a': 1}", "{'password': '***', 'a': 1}"),
        ("Settings(api_key='hunter2')", "Settings(api_key='***')"),
    ],
)
def test_secrets_inside_text_are_masked(text: str, masked: str) -> None:
    """URL userinfo, secret query values, announce keys, headers and quoted secrets are recognised in any text."""
    assert mask_text(text) == masked


@pytest.mark.parametrize(
    "text",
    [
        "clients.qbit.password_file: cannot read /run/secrets/qbit: No such file or directory",
        "http://127.0.0.1:8420/announce",
        "https://x/dl?id=7&t=get",
        "user@example.org",
        "Some.Token.of.Love.S01E01.1080p",
    ],
)
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    """Masking does not eat what people need to read."""
    assert mask_text(text) == text
