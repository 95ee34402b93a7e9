"""Which services `up` runs, by which command, in how many processes, told what. No service is imported here."""

from __future__ import annotations

import sys
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from pydantic import SecretStr

from sluice_common.kit.settings import Feature, NatsSettings, PostgresSettings
from sluice_embedded.layout import Layout


@dataclass(frozen=True)
class Service:
    """One supervised program. `feature` None runs always; `serves_api`: it is ready on the API's port, not its own."""

    name: str
    command: tuple[str, ...]
    feature: Feature | None = None
    serves_api: bool = False


def _python(package: str) -> tuple[str, ...]:
    return (sys.executable, "-m", package)


SERVICES = (
    Service("gateway", _python("sluice_gateway"), serves_api=True),
    Service("client-poller", _python("sluice_client_poller")),
    Service("history", _python("sluice_history")),
    Service("importer", _python("sluice_importer"), feature="import"),
)


def chosen(services: tuple[Service, ...], features: Collection[Feature]) -> tuple[Service, ...]:
    """Those that the configured features want."""
    return tuple(service for service in services if service.feature is None or service.feature in features)


def in_one(services: tuple[Service, ...]) -> tuple[Service, ...]:
    """The same services as one process, which is ready on its own port once all of them are."""
    command = (*_python("sluice_embedded.compact"), *(service.name for service in services))
    return (Service("services", command),)


@dataclass(frozen=True)
class Surroundings:
    """What every service is told: where bus, database and API are."""

    layout: Layout
    nats: NatsSettings
    postgres: PostgresSettings
    listen: str
    port: int

    def environment(self, environ: Mapping[str, str], health_port: int) -> dict[str, str]:
        """The environment of one service: the user's own, with ours over it."""
        return {**environ, **self._ours(), "SLUICE_HEALTH__PORT": str(health_port), "PYTHONUNBUFFERED": "1"}

    def _ours(self) -> dict[str, str]:
        return {
            "SLUICE_CONFIG": str(self.layout.config),
            "SLUICE_INSTANCE": "up",
            "SLUICE_NATS__URL": self.nats.url,
            "SLUICE_NATS__USER": self.nats.user or "",
            "SLUICE_NATS__PASSWORD": _shown(self.nats.password),
            "SLUICE_POSTGRES__DSN": self.postgres.dsn,
            "SLUICE_POSTGRES__PASSWORD": _shown(self.postgres.password),
            "SLUICE_GATEWAY__LISTEN": self.listen,
            "SLUICE_GATEWAY__PORT": str(self.port),
            "SLUICE_GATEWAY__FIRST_KEY_PATH": str(self.layout.api_key),
            "SLUICE_HEALTH__HOST": "127.0.0.1",
        }


def _shown(secret: SecretStr | None) -> str:
    return secret.get_secret_value() if secret else ""
