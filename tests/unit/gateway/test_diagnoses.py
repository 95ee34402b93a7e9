"""What the gateway says of clients and of the configuration."""

from __future__ import annotations

import pytest

from sluice_common.contracts.doctor import AboutClient
from sluice_common.kit.errors import Problem
from sluice_common.kit.settings import ClientSettings, Settings
from sluice_gateway import diagnoses
from sluice_gateway.schemas import diagnosis

CLIENT = ClientSettings(type="deluge", url="http://me:secret@host:8112/deluge?x=y")


@pytest.mark.parametrize(
    ("answer", "status", "code", "says"),
    [
        (AboutClient(version="2.2.0", is_tried=True), "ok", None, ""),
        (AboutClient(reason="auth_failed", message="m"), "failed", "auth_failed", "clients.c.password"),
        (AboutClient(reason="unreachable", message="m"), "failed", "unreachable", "service name"),
        (AboutClient(reason="protocol_error", message="m"), "failed", "protocol_error", "log-in page"),
        (AboutClient(reason="other"), "failed", "other", "clients.c.url"),
        (Problem("no_responder", 503, "d"), "failed", "no_poller", "client-poller"),
        (Problem("no_answer", 503, "d"), "failed", "no_answer", "restart it"),
        (Problem("internal_error", 500, "d"), "failed", "internal_error", "log"),
        (None, "unknown", "disabled", ""),
    ],
)
def test_how_a_client_is(answer: AboutClient | Problem | None, status: str, code: str | None, says: str) -> None:
    """Each reason with what to do; a password that was written into the URL is never shown."""
    found = diagnoses.client("c", CLIENT, answer)
    login = found[0]
    assert (login.check, login.status, login.code) == ("client.login", status, code)
    assert says in login.advice
    assert "secret" not in str(found)


@pytest.mark.parametrize(
    ("tried", "status", "code"),
    [(True, "ok", None), (False, "warning", "version_untried"), (None, "unknown", "version_unknown")],
)
def test_how_a_version_is(tried: bool | None, status: str, code: str | None) -> None:
    """A version that nobody tried is a warning and no failure."""
    _, version = diagnoses.client("c", CLIENT, AboutClient(version="9", is_tried=tried))
    assert (version.check, version.status, version.code) == ("client.version", status, code)


@pytest.mark.parametrize(
    ("tried", "tested", "says"),
    [
        (True, True, "deluge 9, of a tested series (2.0.3, 2.2.0)"),
        (True, False, "deluge 9: known from its API's documentation, not tested (tested are 2.0.3, 2.2.0)"),
        (True, None, "deluge 9"),
        (False, False, "deluge 9 is not a version that Sluice knows; tested are 2.0.3, 2.2.0"),
    ],
)
def test_what_was_only_read_about_is_not_called_tested(tried: bool, tested: bool | None, says: str) -> None:
    """Each version with how it is known; a poller of before tells nothing of that."""
    told = AboutClient(version="9", is_tried=tried, is_tested=tested, tested=("2.0.3", "2.2.0"))
    _, version = diagnoses.client("c", CLIENT, told)
    assert version.detail == says


def test_what_is_not_configured() -> None:
    """No client, no library, no category of ours: a word each, and none where all is there or nothing is imported."""

    def codes(**keys: object) -> list[str | None]:
        return [finding.code for finding in diagnoses.configuration(Settings.model_validate(keys))]

    client, library = {"type": "deluge", "url": "http://c"}, {"kind": "movies", "root": "/m"}
    ours = {**client, "owners": {"tv": "sluice"}}
    assert codes() == ["no_client", "no_library"]
    assert codes(features=["queue"]) == ["no_client"]
    assert codes(clients={"c": client}, libraries={"m": library}) == ["no_owner"]
    assert codes(clients={"c": ours}, libraries={"m": library}) == []
    assert codes(clients={"c": client}, features=["queue"]) == []


def test_what_is_configured_for_an_import_that_is_off() -> None:
    """Libraries, and categories of ours, that nothing comes of are a warning that names them and the key."""
    client = {"type": "deluge", "url": "http://c", "owners": {"tv": "sluice"}}
    keys: dict[str, object] = {"libraries": {"films": {"kind": "movies", "root": "/m"}}, "clients": {"c": client}}
    (found,) = diagnoses.configuration(Settings.model_validate({**keys, "features": ["queue"]}))
    assert (found.status, found.code) == ("warning", "import_off")
    assert "libraries (films) and clients.c.owners" in found.detail
    assert "`features`" in found.advice
    assert diagnoses.configuration(Settings.model_validate(keys)) == []


@pytest.mark.parametrize(
    ("owner", "warned"), [("slice", True), ("sluce", True), ("sluices", True), ("sluice", False), ("sonarr", False)]
)
def test_an_owner_that_is_nearly_our_name(owner: str, warned: bool) -> None:
    """Nobody imports for it: the category and the owner are named; another program's name is no mistake."""
    client = {"type": "deluge", "url": "http://c", "owners": {"tv": owner, "movies": "sluice"}}
    keys = {"clients": {"c": client}, "libraries": {"m": {"kind": "movies", "root": "/m"}}}
    found = diagnoses.configuration(Settings.model_validate(keys))
    assert [(one.status, one.code) for one in found] == ([("warning", "owner_unknown")] if warned else [])
    assert all(repr(owner) in one.detail and "'tv'" in one.detail and "tv: sluice" in one.advice for one in found)
    assert not [one for one in diagnoses.configuration(Settings.model_validate({**keys, "features": ["queue"]}))
                if one.code == "owner_unknown"]  # fmt: skip


def test_the_worst_verdict_counts() -> None:
    """Failed, then warning, then unknown; nothing at all is well."""
    settings = Settings.model_validate({"clients": {"c": CLIENT}})
    fine, unknown = diagnoses.bus(None, settings.nats), diagnoses.unasked(settings)[0]
    warning, failed = diagnoses.configuration(Settings())[0], diagnoses.bus("down", settings.nats)
    assert diagnosis([fine]).status == "ok"
    assert diagnosis([fine, unknown]).status == "unknown"
    assert diagnosis([fine, unknown, warning]).status == "warning"
    assert diagnosis([failed, fine, warning, unknown]).status == "failed"
    assert diagnosis([]).status == "ok"
