"""The one settings model: a YAML file, `SLUICE_…` in the environment, secrets from `*_file`; every fault at once.

Lists the whole household's file, because one file configures every service and a key that no service knows is a fault.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import ssl
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args

import pydantic_settings
import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    SecretStr,
    StringConstraints,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict
from typing_extensions import override

from sluice_common.kit.errors import SettingsError

NAME_PATTERN = r"^[a-z0-9][a-z0-9_-]{0,31}$"
URL_PATTERN = r"^(?i:https?)://"  # a scheme has no case (RFC 3986, 3.1)
Name = Annotated[str, StringConstraints(pattern=NAME_PATTERN)]
Feature = Literal["queue", "import"]
FEATURES: tuple[Feature, ...] = get_args(Feature)


# Where a relative `*_file` begins: pydantic's validators are handed nothing of ours when settings are constructed.
_secrets_from: ContextVar[Path] = ContextVar("_secrets_from", default=Path())


class Section(BaseModel):
    """A part of the file. An unknown key is a fault, so that a typing error is found."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _read_secret_files(cls, values: Any) -> Any:
        """`password_file: PATH` stands for `password: <the file's first line>`; relative to the configuration file."""
        if not isinstance(values, dict):
            return values
        read = dict(values)
        for key in [key for key in values if isinstance(key, str) and key.endswith("_file")]:
            secret = key.removesuffix("_file")
            if secret in cls.model_fields and key not in cls.model_fields:
                given, path = read.get(secret), secret_path(str(read.pop(key)), _secrets_from.get())
                read[secret] = _Unreadable(f"give {secret} or {key}, not both") if given else _first_line(path, key)
        return read

    @field_validator("*", mode="before")
    @classmethod
    def _refuse_unreadable(cls, value: Any) -> Any:
        """Here and not where it was read, so that one bad secret hides no other fault of its section."""
        if isinstance(value, _Unreadable):
            raise ValueError(value.why)  # noqa: TRY004 - pydantic collects ValueErrors
        return value


@dataclass(frozen=True)
class _Unreadable:
    """Stands for a secret that could not be read, until its field says so."""

    why: str


def secret_path(given: str, folder: Path) -> Path:
    """Where the value of a `*_file` leads, in a configuration file that lies in `folder`."""
    return folder / Path(given).expanduser()


@contextmanager
def _secrets_beside(source: Path | None) -> Iterator[None]:
    """Relative `*_file`s begin in the folder of the configuration: both move together, as by a restore."""
    token = _secrets_from.set(source.absolute().parent if source is not None else Path())
    try:
        yield
    finally:
        _secrets_from.reset(token)


def _first_line(path: Path, key: str) -> str | _Unreadable:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        return _Unreadable(f"{key}: cannot read {path}: {getattr(error, 'strerror', None) or error}")
    if not lines or not lines[0].strip():
        return _Unreadable(f"{key}: {path} is empty")
    return lines[0].strip()


def _absolute(path: Path) -> Path:
    """`~` is the home of whoever runs this; a relative path would depend on where it was started."""
    path = path.expanduser()
    if not path.is_absolute():
        raise ValueError(f"must be an absolute path, not {str(path)!r}")
    return path


AbsolutePath = Annotated[Path, AfterValidator(_absolute)]


# The owner of the categories that we import ourselves.
OURS = "sluice"


class StalledSettings(Section):
    """What to do with downloads of ours for which nothing came for `after` seconds; nothing unless configured.

    `remove` leaves their data. With `dry_run` it is only said what would be done.
    """

    action: Literal["none", "report", "pause", "remove"] = "none"
    after: float = Field(default=86400.0, ge=1)
    dry_run: bool = False


def _pin(told: str) -> str:
    """As openssl and browsers show it, with colons or without."""
    pin = told.removeprefix("sha256:").replace(":", "").lower()
    if re.fullmatch(r"[0-9a-f]{64}", pin) is None:
        raise ValueError("must be the certificate's SHA-256: 64 hexadecimal digits, colons are allowed")
    return pin


def _authorities(path: Path) -> Path:
    """Read here, so that a wrong one is told with the other faults."""
    path = secret_path(str(path), _secrets_from.get())
    try:
        ssl.create_default_context(cafile=str(path))
    except ssl.SSLError:
        raise ValueError(f"{path} holds no certificate in PEM form") from None
    except OSError as error:
        raise ValueError(f"cannot read {path}: {error.strerror}") from None
    return path


class TlsSettings(Section):
    """Whom to trust instead of the machine's authorities: those in `ca_file`, or one certificate, by its SHA-256."""

    ca_file: Annotated[Path, AfterValidator(_authorities)] | None = None
    pin: Annotated[str, AfterValidator(_pin)] | None = None

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if self.ca_file is not None and self.pin is not None:
            raise ValueError("give ca_file or pin, not both: a pinned certificate needs no authority")
        return self


class ClientSettings(Section):
    """One download client. `paths` maps its view of the disk to ours, `owners` its categories to whoever imports."""

    type: Literal["deluge", "qbittorrent", "transmission"]
    url: str = Field(pattern=URL_PATTERN)
    username: str | None = None
    password: SecretStr | None = None
    enabled: bool = True
    priority: int = 0
    interval: float | None = Field(default=None, ge=0.2, le=3600)
    paths: dict[str, AbsolutePath] = {}
    owners: dict[str, Name] = {}
    backlog: Literal["skip", "import"] = "skip"
    stalled: StalledSettings = StalledSettings()
    tls: TlsSettings = TlsSettings()

    @model_validator(mode="after")
    def _tls_needs_https(self) -> Self:
        if self.tls != TlsSettings() and not self.url.lower().startswith("https://"):
            raise ValueError("tls is for a url that begins with https://")
        return self


class AppSettings(Section):
    """A Sonarr or a Radarr that lives beside us; `type` may be left out where the name says it.

    What it knows of series or movies is taken into the catalogue every `interval` seconds, unless `sync` is off.
    """

    type: Literal["sonarr", "radarr"] | None = None
    url: str = Field(pattern=URL_PATTERN)
    api_key: SecretStr
    enabled: bool = True
    sync: bool = True
    interval: float = Field(default=1800.0, ge=10, le=86400 * 7)


class LibrarySettings(Section):
    """One library: where it lies, what it holds, how files get there."""

    kind: Literal["movies", "series"]
    root: AbsolutePath
    method: Literal["hardlink", "copy"] = "hardlink"
    link: Literal["prefer", "require"] = "prefer"
    unknown: Literal["known-only", "create"] = "known-only"


class NatsSettings(Section):
    """The bus."""

    url: str = "nats://127.0.0.1:4222"
    user: str | None = None
    password: SecretStr | None = None
    replicas: int = Field(default=1, ge=1, le=5)


class PostgresSettings(Section):
    """The database; `dsn` carries no password where `password` is given."""

    dsn: str = "postgresql://sluice@127.0.0.1:5432/sluice"
    password: SecretStr | None = None
    pool_size: int = Field(default=4, ge=1, le=100)


class GatewaySettings(Section):
    """The HTTP API. `hosts` are further allowed Host names beside IP literals, localhost and single labels."""

    listen: str = "127.0.0.1"
    port: int = Field(default=8420, ge=0, le=65535)
    hosts: tuple[str, ...] = ()
    first_key_path: Path | None = None


class FetchSettings(Section):
    """Which private addresses the guard may connect to: host names or networks in CIDR."""

    allow: tuple[str, ...] = ()


class HealthSettings(Section):
    """Where a service other than the gateway answers /health, /ready and /metrics; port 0 takes a free one."""

    host: str = "127.0.0.1"
    port: int = Field(default=0, ge=0, le=65535)


class PollSettings(Section):
    """Pacing of the pollers, in seconds: `fast` while something moves, `slow` when idle; holds as in the design.

    `stalled_after` is for how long nothing may come before a download counts as stalled.
    """

    fast: float = Field(default=1.0, ge=0.05)
    slow: float = Field(default=5.0, ge=0.05)
    hold: float = Field(default=10.0, ge=0)
    hold_after_reconnect: float = Field(default=60.0, ge=0)
    stalled_after: float = Field(default=300.0, ge=1)


@dataclass(frozen=True)
class Origin:
    """The file that settings were read from, and its SHA-256 of that moment, "" where it was not there yet.

    Says nothing of what they are.
    """

    path: Path | None = field(default=None, compare=False)
    digest: str = field(default="", compare=False)

    def has_changed(self) -> bool:
        """Whether the file has another content by now. Reads it; one that cannot be read is nobody's change."""
        try:
            return self.path is not None and hashlib.sha256(self.path.read_bytes()).hexdigest() != self.digest
        except OSError:
            return False


class Settings(BaseSettings):
    """Everything that can be set. The environment beats the file: `SLUICE_GATEWAY__PORT=9000`."""

    model_config = SettingsConfigDict(env_prefix="SLUICE_", env_nested_delimiter="__", extra="forbid", frozen=True)

    clients: dict[Name, ClientSettings] = {}
    apps: dict[Name, AppSettings] = {}
    libraries: dict[Name, LibrarySettings] = {}
    features: tuple[Feature, ...] = FEATURES
    nats: NatsSettings = NatsSettings()
    postgres: PostgresSettings = PostgresSettings()
    gateway: GatewaySettings = GatewaySettings()
    fetch: FetchSettings = FetchSettings()
    health: HealthSettings = HealthSettings()
    poll: PollSettings = PollSettings()
    # A name that outlives the process and that no other live process has: its successor takes its leases at once.
    instance: Name | None = None
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    _origin: Origin = PrivateAttr(default=Origin())

    @property
    def origin(self) -> Origin:
        """Where `load` found them."""
        return self._origin

    @classmethod
    @override
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment first, then the file's values, which `load` passes as init arguments."""
        return env_settings, init_settings

    @field_validator("features", mode="before")
    @classmethod
    def _known_features(cls, value: Any) -> Any:
        """A feature of tomorrow is refused in a sentence: nobody should wait for what this version does not have."""
        unknown = [str(name) for name in value if name not in FEATURES] if isinstance(value, list | tuple) else []
        if unknown:
            raise ValueError(f"this version has no feature {', '.join(unknown)}; there are: {', '.join(FEATURES)}")
        if value in ([], ()):
            raise ValueError(f"nothing would run; give at least one of {', '.join(FEATURES)}, or leave the key out")
        return value

    @field_validator("apps", mode="before")
    @classmethod
    def _kinds_of_apps(cls, value: Any) -> Any:
        """The name says the kind where nothing else does; `sluice` as an owner is us."""
        if not isinstance(value, dict):
            return value
        if OURS in value:
            raise ValueError(f"no app can be called {OURS}: as the owner of a category that is us")
        return {name: _with_type(str(name), app) if isinstance(app, dict) else app for name, app in value.items()}

    @model_validator(mode="after")
    def _roots_apart(self) -> Settings:
        roots = Counter(library.root for library in self.libraries.values())
        shared = sorted(str(root) for root, count in roots.items() if count > 1)
        if shared:
            raise ValueError(f"libraries: two libraries share the root {', '.join(shared)}; give each its own")
        return self


def _with_type(name: str, app: dict[str, Any]) -> dict[str, Any]:
    if app.get("type") is not None:
        return app
    named = [kind for kind in ("sonarr", "radarr") if kind in name]
    if len(named) != 1:
        raise ValueError(f"{name}: give its type, sonarr or radarr; the name does not say it")
    return {**app, "type": named[0]}


def load(path: Path | None = None, environ: Mapping[str, str] | None = None) -> Settings:
    """Settings from the YAML at `path` (default `$SLUICE_CONFIG`; absent means none) and the environment.

    A relative `*_file` begins in the folder of that YAML, or in the current one where there is none.
    Raises SettingsError with every fault, each beginning with the path of its key.
    """
    source = path or _configured_path(environ or os.environ)
    values, origin = _read_yaml(source) if source is not None and source.exists() else ({}, Origin(source))
    try:
        with _secrets_beside(source):
            settings = Settings(**values)
    except ValidationError as error:
        raise SettingsError([in_words(item) for item in error.errors(include_input=False, include_url=False)]) from None
    except pydantic_settings.SettingsError as error:
        field = (re.findall(r'field "(\w+)"', str(error)) or ["SLUICE_…"])[0]
        fault = f"{field}: the environment's value is not JSON; lists and maps are given as JSON, e.g. '[\"queue\"]'"
        raise SettingsError([fault]) from None
    settings._origin = origin
    return settings


def _configured_path(environ: Mapping[str, str]) -> Path | None:
    configured = environ.get("SLUICE_CONFIG")
    return Path(configured) if configured else None


def in_words(item: Any) -> str:
    """One of pydantic's errors as a sentence for people, beginning with its key; no value is in it."""
    key = ".".join(str(part) for part in item["loc"]) or "configuration"
    message: str = _WORDS.get(item["type"], item["msg"])
    if item["type"] == "string_pattern_mismatch":
        message = _PATTERNS.get(item["ctx"]["pattern"], message)
    return f"{key.removesuffix('.[key]')}: {message.removeprefix('Value error, ')}"


_WORDS = {
    "extra_forbidden": "unknown key; is it spelled right?",
    "missing": "is missing",
    "string_type": "must be text; put it into quotes",
    "dict_type": "must be a mapping of keys, e.g. `name: {…}`",
    "tuple_type": "must be a list, e.g. `[one, two]`",
    "model_type": "must be a mapping of keys",
}
_PATTERNS = {
    NAME_PATTERN: "a name has 1 to 32 of a-z, 0-9, _ and -, and begins with a letter or digit",
    URL_PATTERN: "must begin with http:// or https://",
}


def _read_yaml(path: Path) -> tuple[dict[str, Any], Origin]:
    try:
        with path.open("rb") as file:
            origin = Origin(path, hashlib.file_digest(file, "sha256").hexdigest())
            file.seek(0)
            with io.TextIOWrapper(file, "utf-8") as text:
                values = yaml.load(text, Loader=_UniqueKeys)  # noqa: S506 - a SafeLoader subclass
    except OSError as error:
        raise SettingsError([f"{path}: cannot be read: {error.strerror}"]) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise SettingsError([f"{path}: is not valid YAML: {error}"]) from None
    if values is None:
        return {}, origin
    if not isinstance(values, dict) or not all(isinstance(key, str) for key in values):
        raise SettingsError([f"{path}: must be a mapping of keys, e.g. 'clients:'"])
    # A key whose lines are all commented out is a key that is not there.
    return {key: value for key, value in values.items() if value is not None}, origin


class _UniqueKeys(yaml.SafeLoader):
    """YAML silently lets the last of two equal keys win; two owners of a category must not pass like that."""

    @override
    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = Counter(key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode))
        twice = [key for key, count in keys.items() if count > 1 and key != "<<"]
        if twice:
            problem = f"the key {twice[0]!r} stands twice"
            raise yaml.constructor.ConstructorError(None, None, problem, node.start_mark)
        return super().construct_mapping(node, deep)
