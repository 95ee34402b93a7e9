"""The configuration: read from file, environment and secret files; every fault at once, each with its key."""

from __future__ import annotations

import os
from pathlib import Path

import certifi
import pytest
import yaml
from pydantic import ValidationError

from sluice_common.kit.errors import SettingsError
from sluice_common.kit.settings import ClientSettings, Settings, TlsSettings, load, secret_path


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No variable of the machine that runs the tests has a say."""
    for name in list(os.environ):
        if name.startswith("SLUICE_"):
            monkeypatch.delenv(name)


def _file(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "sluice.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def _faults(path: Path) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as caught:
        load(path)
    return caught.value.faults


HOUSEHOLD = """
clients:
  deluge:
    type: deluge
    url: http://deluge:8112
    password: hunter2
    paths: {/downloads: /data/torrents}
    owners: {tv: sluice, tv-sonarr: sonarr}
libraries:
  tv: {kind: series, root: /data/media/tv, link: require}
features: [queue]
fetch: {allow: [192.168.0.0/16]}
"""


def test_a_households_file_is_read(tmp_path: Path) -> None:
    """The file of the design means what it says; what it does not say has a default."""
    settings = load(_file(tmp_path, HOUSEHOLD))
    client = settings.clients["deluge"]
    assert (client.url, client.enabled, client.paths) == (
        "http://deluge:8112",
        True,
        {"/downloads": Path("/data/torrents")},
    )
    assert client.password is not None
    assert client.password.get_secret_value() == "hunter2"
    assert settings.libraries["tv"].link == "require"
    assert (settings.features, settings.gateway.port, settings.fetch.allow) == (("queue",), 8420, ("192.168.0.0/16",))


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "{}\n", "---\n"])
def test_an_empty_file_is_a_household_without_clients(tmp_path: Path, text: str) -> None:
    """A first start has nothing to say."""
    assert load(_file(tmp_path, text)) == Settings()


def test_no_file_is_no_fault(tmp_path: Path) -> None:
    """Absent means defaults; `$SLUICE_CONFIG` names one."""
    assert load(tmp_path / "absent.yaml").clients == {}
    path = _file(tmp_path, "gateway: {port: 9001}\n")
    assert load(environ={"SLUICE_CONFIG": str(path)}).gateway.port == 9001


def test_every_fault_is_told_at_once_with_its_key(tmp_path: Path) -> None:
    """Somebody who repairs a file does it once."""
    faults = _faults(
        _file(
            tmp_path,
            """
clients:
  deluge: {type: betamax, url: "ftp://x", intervall: 3}
  "Bad Name": {type: deluge, url: "http://x"}
libraries:
  tv: {kind: series}
gateway: {port: 99999}
colour: blue
""",
        )
    )
    keys = [fault.partition(": ")[0] for fault in faults]
    assert "clients.deluge.type" in keys
    assert "clients.deluge.url" in keys
    assert "clients.deluge.intervall: unknown key; is it spelled right?" in faults
    assert any(key.startswith("clients.Bad Name") for key in keys)
    assert "libraries.tv.root" in keys
    assert "gateway.port" in keys
    assert "colour: unknown key; is it spelled right?" in faults


def test_a_secret_comes_from_a_file(tmp_path: Path) -> None:
    """`password_file` stands for `password`; the line's end is not part of it."""
    secret = tmp_path / "secret"
    secret.write_text("hunter2\n", encoding="utf-8")
    client_text = f"clients:\n  d: {{type: deluge, url: 'http://x', password_file: {secret}}}\n"
    text = f"{client_text}nats: {{password_file: {secret}}}\n"
    settings = load(_file(tmp_path, text))
    client = settings.clients["d"].password
    assert client is not None
    assert settings.nats.password is not None
    assert (client.get_secret_value(), settings.nats.password.get_secret_value()) == ("hunter2", "hunter2")


def test_a_relative_secret_file_lies_beside_the_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever the service was started; what is absolute stays as it is."""
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "d").write_text("hunter2\n", encoding="utf-8")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    path = _file(tmp_path, "clients: {d: {type: deluge, url: 'http://x', password_file: secrets/d}}\n")
    password = load(path).clients["d"].password
    assert password is not None
    assert password.get_secret_value() == "hunter2"
    assert secret_path("/a/b", tmp_path) == Path("/a/b")
    (tmp_path / "secrets" / "d").unlink()
    assert str(tmp_path / "secrets" / "d") in _faults(path)[0]


def test_settings_know_whether_their_file_changed(tmp_path: Path) -> None:
    """By its content; a file that is gone, or that there never was, did not change. It makes settings no different."""
    path = _file(tmp_path, "log_level: error\n")
    settings = load(path)
    assert not settings.origin.has_changed()
    assert settings == Settings(log_level="error")
    path.write_text("log_level: info\n")
    assert settings.origin.has_changed()
    assert not load(path).origin.has_changed()
    path.unlink()
    assert not settings.origin.has_changed()
    assert not Settings().origin.has_changed()


def test_a_bad_secret_file_is_a_fault_with_its_key(tmp_path: Path) -> None:
    """Absent, empty or given twice: the fault names the client and the key, and no secret."""
    empty = tmp_path / "empty"
    empty.write_text("\n", encoding="utf-8")
    faults = _faults(
        _file(
            tmp_path,
            f"""
clients:
  a: {{type: deluge, url: "http://x", password_file: {tmp_path}/absent}}
  b: {{type: deluge, url: "http://x", password_file: {empty}}}
  c: {{type: deluge, url: "http://x", password_file: {empty}, password: hunter2}}
""",
        )
    )
    assert [fault.partition(":")[0] for fault in faults] == [
        "clients.a.password",
        "clients.b.password",
        "clients.c.password",
    ]
    assert "cannot read" in faults[0]
    assert "is empty" in faults[1]
    assert "not both" in faults[2]
    assert "hunter2" not in " ".join(faults)


def test_no_secret_is_ever_printed(tmp_path: Path) -> None:
    """Settings may land in a log or a traceback; a fault never repeats what was given."""
    settings = load(_file(tmp_path, HOUSEHOLD))
    assert "hunter2" not in repr(settings) + str(settings) + settings.model_dump_json()
    faults = _faults(_file(tmp_path, "clients: {d: {type: deluge, url: 'hunter2', password: [hunter2]}}"))
    assert "hunter2" not in " ".join(faults)


@pytest.mark.parametrize(
    "text",
    [
        "gateway: {port: 1}\ngateway: {port: 2}\n",
        "clients:\n  d: {type: deluge, url: 'http://x', owners: {tv: sluice, tv: sonarr}}\n",
    ],
)
def test_a_key_that_stands_twice_is_a_fault(tmp_path: Path, text: str) -> None:
    """YAML lets the last one win; two owners of one category must not pass like that."""
    assert "stands twice" in _faults(_file(tmp_path, text))[0]


@pytest.mark.parametrize(
    "text", ["- a\n- b\n", "just words", "1: x\n", "a: [unclosed", "a: !!python/object:os.x {}\n", "\x00"]
)
def test_what_is_no_mapping_is_a_fault(tmp_path: Path, text: str) -> None:
    """Anything but keys and values is refused with the file's name, and nothing in it is executed."""
    assert str(tmp_path) in _faults(_file(tmp_path, text))[0]


def test_bytes_that_are_no_text_are_a_fault(tmp_path: Path) -> None:
    """A damaged file is told, not a traceback; a directory too."""
    path = tmp_path / "sluice.yaml"
    path.write_bytes(b"\xff\xfe\x00 binary")
    assert "not valid YAML" in _faults(path)[0]
    assert "cannot be read" in _faults(tmp_path)[0]


def test_the_environment_beats_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A container sets one value without a file of its own; the rest of the section stays."""
    monkeypatch.setenv("SLUICE_GATEWAY__PORT", "9000")
    monkeypatch.setenv("SLUICE_LOG_LEVEL", "debug")
    settings = load(_file(tmp_path, "gateway: {port: 8000, hosts: [sluice.lan]}\nlog_level: error\n"))
    assert (settings.gateway.port, settings.gateway.hosts, settings.log_level) == (9000, ("sluice.lan",), "debug")


def test_a_fault_in_the_environment_names_its_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same words as for the file."""
    monkeypatch.setenv("SLUICE_GATEWAY__PORT", "many")
    assert _faults(_file(tmp_path, ""))[0].startswith("gateway.port: ")


def test_two_libraries_cannot_share_a_root(tmp_path: Path) -> None:
    """Two owners of one directory would undo each other's work."""
    text = "libraries:\n  a: {kind: movies, root: /m}\n  b: {kind: series, root: /m}\n"
    assert "share the root /m" in _faults(_file(tmp_path, text))[0]


def test_settings_cannot_change_under_a_running_service(tmp_path: Path) -> None:
    """They are values."""
    settings = load(_file(tmp_path, HOUSEHOLD))
    with pytest.raises(ValueError, match="frozen"):
        settings.gateway.port = 1


def test_one_fault_hides_no_other(tmp_path: Path) -> None:
    """A secret that cannot be read is told beside everything else that is wrong with its client."""
    path = tmp_path / "sluice.yaml"
    path.write_text(
        "clients:\n  d: {type: deluge, url: http://h, password_file: /nowhere, backlog: maybe, paths: {/a: b}}\n"
    )
    with pytest.raises(SettingsError) as refusal:
        load(path, {})
    keys = [fault.partition(": ")[0] for fault in refusal.value.faults]
    assert sorted(keys) == ["clients.d.backlog", "clients.d.password", "clients.d.paths./a"]


def test_a_list_in_the_environment_that_is_no_json_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sentence that says how lists are given, not a traceback."""
    monkeypatch.setenv("SLUICE_FEATURES", "queue")
    with pytest.raises(SettingsError, match=r"features: .* JSON"):
        load(None, {})


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("[queue, fetch]", "this version has no feature fetch; there are: queue, import"),
        ("[]", "nothing would run; give at least one of queue, import"),
        ("queue", "must be a list"),
    ],
)
def test_a_feature_that_is_not_there_is_refused_by_name(tmp_path: Path, given: str, told: str) -> None:
    """Nobody waits for a feature that this version does not have, or for a Sluice that would do nothing."""
    path = tmp_path / "sluice.yaml"
    path.write_text(f"features: {given}\n")
    with pytest.raises(SettingsError) as refusal:
        load(path, {})
    (fault,) = refusal.value.faults
    assert fault.startswith(f"features: {told}")


def test_a_home_is_expanded_and_a_section_without_lines_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`~` means the home of whoever runs Sluice; a key whose lines are all commented out is not there."""
    monkeypatch.setenv("HOME", "/home/somebody")
    path = tmp_path / "sluice.yaml"
    path.write_text("clients:\n#  d: {}\nlibraries:\n  tv: {kind: series, root: ~/media/tv}\n")
    settings = load(path, {})
    assert settings.clients == {}
    assert settings.libraries["tv"].root == Path("/home/somebody/media/tv")


def test_a_file_that_came_after_the_start_is_a_change(tmp_path: Path) -> None:
    """Somebody starts Sluice, writes a first configuration, and must be told to restart it."""
    settings = load(tmp_path / "sluice.yaml")
    assert not settings.origin.has_changed()
    _file(tmp_path, HOUSEHOLD)
    assert settings.origin.has_changed()


@pytest.mark.parametrize(
    ("tls", "told"),
    [
        ({"pin": "12:34"}, "tls.pin: must be the certificate's SHA-256"),
        ({"ca_file": "none.pem"}, "tls.ca_file: cannot read {folder}/none.pem: No such file or directory"),
        ({"ca_file": "sluice.yaml"}, "tls.ca_file: {folder}/sluice.yaml holds no certificate in PEM form"),
    ],
)
def test_what_cannot_be_trusted_is_a_fault(tmp_path: Path, tls: dict[str, str], told: str) -> None:
    """With the key and what is wrong, before anything is started; paths begin beside the configuration."""
    client = {"type": "deluge", "url": "https://h", "tls": tls}
    faults = _faults(_file(tmp_path, yaml.safe_dump({"clients": {"a": client}})))
    assert [fault for fault in faults if told.format(folder=tmp_path) in fault], faults


def test_a_pin_is_taken_as_it_is_shown(tmp_path: Path) -> None:
    """With colons and capitals, as browsers and openssl do. Only https has a certificate, and one trust is enough."""
    pin = ":".join(["AB"] * 32)
    client = ClientSettings.model_validate({"type": "deluge", "url": "https://h", "tls": {"pin": pin}})
    assert client.tls.pin == "ab" * 32
    with pytest.raises(ValidationError, match="begins with https"):
        ClientSettings.model_validate({"type": "deluge", "url": "http://h", "tls": {"pin": pin}})
    with pytest.raises(ValidationError, match="not both"):
        TlsSettings.model_validate({"pin": pin, "ca_file": str(certifi.where())})


def test_a_scheme_has_no_case() -> None:
    """`HTTPS://` is https (RFC 3986, 3.1), with a trust of its own too; what only begins alike is neither."""
    pin = "ab" * 32
    client = ClientSettings.model_validate({"type": "deluge", "url": "HTTPS://h", "tls": {"pin": pin}})
    assert client.tls.pin == pin
    with pytest.raises(ValidationError, match="begins with https"):
        ClientSettings.model_validate({"type": "deluge", "url": "HTTP://h", "tls": {"pin": pin}})
    with pytest.raises(ValidationError, match="pattern"):
        ClientSettings.model_validate({"type": "deluge", "url": "httpss://h"})
