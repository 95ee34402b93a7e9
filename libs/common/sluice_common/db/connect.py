"""How this process reaches PostgreSQL: connection options, waiting for it, and which errors pass by themselves.

The password is only ever an argument of the connection; it is in no log and no message.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar
from urllib.parse import urlsplit

import asyncpg
import msgspec

from sluice_common.kit import log
from sluice_common.kit.backoff import delay
from sluice_common.kit.errors import SettingsError
from sluice_common.kit.settings import PostgresSettings

T = TypeVar("T")

CONNECT_TIMEOUT = 10.0
COMMAND_TIMEOUT = 60.0  # a frozen server must not hold a worker for ever
IDLE_IN_TRANSACTION_MS = 300_000  # a frozen service must not hold its locks for ever

_log = log.get(__name__)
_TRANSIENT = (
    OSError,  # refused, reset, unreachable; TimeoutError is one
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.TooManyConnectionsError,
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
)
_REFUSED = (
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidPasswordError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.ClientConfigurationError,
)


def address(settings: PostgresSettings) -> str:
    """`host:port/database` for messages; never the user's password."""
    parts = urlsplit(settings.dsn)
    return f"{parts.hostname or 'localhost'}:{parts.port or 5432}{parts.path}"


def options(settings: PostgresSettings, application: str) -> dict[str, Any]:
    """The keyword arguments of `asyncpg.connect` and `asyncpg.create_pool` alike."""
    password = settings.password.get_secret_value() if settings.password is not None else None
    return {
        "dsn": settings.dsn,
        "password": password,
        "timeout": CONNECT_TIMEOUT,
        "server_settings": {
            "application_name": application,
            "timezone": "UTC",
            "idle_in_transaction_session_timeout": str(IDLE_IN_TRANSACTION_MS),
        },
    }


async def prepare(connection: Any) -> None:
    """json and jsonb columns are Python values, decoded and encoded by msgspec (structs and datetimes included)."""
    await connection.set_type_codec(
        "json", schema="pg_catalog", encoder=msgspec.json.encode, decoder=msgspec.json.decode, format="binary"
    )
    await connection.set_type_codec(
        "jsonb",
        schema="pg_catalog",
        encoder=lambda value: b"\x01" + msgspec.json.encode(value),  # its binary form begins with a version
        decoder=lambda data: msgspec.json.decode(data[1:]),
        format="binary",
    )


def is_transient(error: BaseException) -> bool:
    """Whether the same call may work later, on another connection: back off and try again.

    True for a lost or refused connection, a server that starts or stops, a deadlock; of a group, when all of it is.
    """
    if isinstance(error, BaseExceptionGroup):
        return all(is_transient(inner) for inner in error.exceptions)
    if isinstance(error, asyncpg.InterfaceError):
        return "closed" in str(error) or "released" in str(error)
    if isinstance(error, asyncpg.InternalClientError):
        # A call on a connection that was just told that its server is gone: seen when PostgreSQL was killed.
        return "cannot switch to state" in str(error)
    return isinstance(error, _TRANSIENT)


def describe(error: BaseException) -> str:
    """A short reason without addresses or secrets, for logs and readiness."""
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    if isinstance(error, asyncpg.PostgresError):
        return str(error.args[0])  # without the DETAIL, which quotes rows
    return getattr(error, "strerror", None) or type(error).__name__


async def wait_for(attempt: Callable[[], Awaitable[T]], settings: PostgresSettings) -> T:
    """The result of `attempt`, tried with back-off (logged) until PostgreSQL answers.

    Raises SettingsError when it answers that this user, password or database is wrong: waiting would not help.
    """
    failures = 0
    while True:
        try:
            return await attempt()
        except _REFUSED as error:
            raise SettingsError([f"postgres: {address(settings)} refused us: {describe(error)}"]) from None
        except Exception as error:
            if not is_transient(error):
                raise
            failures += 1
            pause = delay(failures, base=0.1, cap=5.0, jitter=random.random())  # noqa: S311 - spreads retries
            _log.warning(
                "postgres_unreachable", address=address(settings), reason=describe(error), retry_in=round(pause, 2)
            )
            await asyncio.sleep(pause)
