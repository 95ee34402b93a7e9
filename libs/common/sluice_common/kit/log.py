"""Logs are events with fields: one JSON object per line on stderr, secrets masked on the way out.

Everything that the process logs, ours or a library's, passes `mask_secrets`; nothing here decides what is worth a line.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Mapping
from contextlib import AbstractContextManager

from sluice_common.kit.lean import without

with without("rich"):  # structlog would draw tracebacks with it; ours are plain text, so that they can be masked
    import structlog
    from structlog.typing import EventDict, Processor, WrappedLogger

MASK = "***"
_DEPTH = 6
_CHATTY = ("httpx", "httpcore", "nats", "uvicorn", "faststream", "alembic", "asyncio", "sqlalchemy")

# The name of a field, a query parameter or a header whose value is nobody's business.
_WORDS = "pass(?:word|wd|key|phrase)|torrent_pass|secret|token|(?:api|auth|rss)[_-]?key|authorization|cookie|credential"
_SECRET_KEY = re.compile(_WORDS, re.IGNORECASE)
_USERINFO = re.compile(r"\b([a-z][a-z0-9+.-]*://)[^/\s@?#]+@", re.IGNORECASE)
_QUERY = re.compile(rf"([?&;][\w.-]*(?:{_WORDS}|\bauth|\bsid)[\w.-]*=)[^&;\s#\"'<>]+", re.IGNORECASE)
_QUOTED = re.compile(rf"((?:{_WORDS})[\w.-]*[\"']?\s*[:=]\s*)([\"'])(?:(?!\2).)*\2", re.IGNORECASE)
_HEADER = re.compile(r"\b((?:proxy-)?authorization\s*:\s*(?:\w+\s+)?|(?:set-)?cookie\s*:\s*)[^\s,]+", re.IGNORECASE)
# A private tracker's announce URL carries the user's passkey as a path segment; magnets carry it percent-encoded.
_ANNOUNCE = re.compile(r"(/|%2F)[0-9a-z_-]{12,}(?=(?:/|%2F)announce)", re.IGNORECASE)


def mask_text(text: str) -> str:
    """`text` without what looks like a password: URL userinfo, secret query values, quoted secrets, announce keys."""
    text = _USERINFO.sub(rf"\1{MASK}@", text)
    text = _QUERY.sub(rf"\1{MASK}", text)
    text = _QUOTED.sub(rf"\1\2{MASK}\2", text)
    text = _HEADER.sub(rf"\1{MASK}", text)
    return _ANNOUNCE.sub(rf"\1{MASK}", text)


def _mask(value: object, depth: int = 0) -> object:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Mapping) and depth < _DEPTH:
        return {str(key): _mask_field(str(key), item, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset) and depth < _DEPTH:
        return [_mask(item, depth + 1) for item in value]
    return mask_text(str(value))


def _mask_field(key: str, value: object, depth: int = 0) -> object:
    if value is not None and not isinstance(value, bool) and _SECRET_KEY.search(key):
        return MASK
    return _mask(value, depth)


def mask_secrets(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """The structlog processor: masks fields with secret-looking names, and secrets inside any text."""
    return {key: _mask_field(key, value) for key, value in event.items()}


def configure(service: str, level: str) -> None:
    """Send every log of this process to stderr as events of `service`, from `level` (`info`) up.

    A context that binds its own `service` (several services in one process) keeps it. May be called again.
    """

    def name_service(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        event.setdefault("service", service)
        return event

    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
        name_service,
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,  # so that a second configure() holds for loggers made before it
    )
    _install(_formatter(shared), level)


def _formatter(shared: list[Processor]) -> structlog.stdlib.ProcessorFormatter:
    """Tracebacks become plain text first (no local variables), so that masking sees them too."""
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            structlog.processors.format_exc_info,
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            mask_secrets,
            _renderer(),
        ],
    )


def _renderer() -> Processor:
    if sys.stderr.isatty():
        return structlog.dev.ConsoleRenderer(timestamp_key="time", colors=True)
    return structlog.processors.JSONRenderer(ensure_ascii=False)


def _install(formatter: logging.Formatter, level: str) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    for old in [old for old in root.handlers if getattr(old, "sluice", False)]:
        root.removeHandler(old)
    handler.sluice = True  # type: ignore[attr-defined]
    root.addHandler(handler)
    root.setLevel(level.upper())
    for name in _CHATTY:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))


def get(name: str) -> structlog.stdlib.BoundLogger:
    """The logger of a module: `log = get(__name__)`, `log.info("poll_finished", client=…, downloads=…)`."""
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return logger


def bound(**fields: object) -> AbstractContextManager[object]:
    """Within the block, and in the tasks made there, every event carries `fields`."""
    return structlog.contextvars.bound_contextvars(**fields)
