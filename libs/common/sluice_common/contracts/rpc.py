"""Request and reply: one envelope for every command and query, byte-limited pages, and what a refusal looks like."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Generic, TypeVar

import msgspec

from sluice_common.kit.errors import Problem

T = TypeVar("T")

# NATS refuses messages over 1 MB; half of it leaves room for the envelope.
PAGE_BYTES = 512 * 1024
# Bodies above this are handed over in parts of this size: the receiver pulls them from the caller's inbox.
PART_BYTES = 512 * 1024
MAX_BODY_BYTES = 8 * 1024 * 1024


class Request(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is asked. `body` is msgpack of the method's own struct; empty when `parts` are to be pulled from `inbox`.

    `actor` says who asks, and `origin` from where: a caller's address as the gateway saw it, or a service's name.
    """

    request_id: str
    deadline: datetime
    actor: str = "system"
    body: bytes = b""
    parts: int = 0
    inbox: str = ""
    origin: str | None = None


class ProblemBody(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A refusal on the wire; see kit.errors.Problem."""

    code: str
    status: int
    detail: str
    extra: dict[str, str | int] = {}


class Reply(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Either `body` (msgpack of the method's reply) or a problem."""

    body: bytes = b""
    problem: ProblemBody | None = None


class Empty(msgspec.Struct, frozen=True):
    """Nothing to say."""


class Page(msgspec.Struct, Generic[T], frozen=True):
    """Some of the rows in order; `next` asks for the rest, None when there is none."""

    items: tuple[T, ...]
    next: str | None = None


def cut(rows: Iterable[T], cursor_of: Callable[[T], str], *, limit: int, budget: int = PAGE_BYTES) -> Page[T]:
    """As many rows as fit `limit` and `budget` bytes (at least one); `next` is the last row's cursor if more follow.

    Pass one row more than `limit` so that the end is known.
    """
    taken: list[T] = []
    size = 0
    for row in rows:
        size += len(msgspec.msgpack.encode(row))
        if taken and (len(taken) >= limit or size > budget):
            return Page(tuple(taken), cursor_of(taken[-1]))
        taken.append(row)
    return Page(tuple(taken))


def problem_body(problem: Problem) -> ProblemBody:
    """The problem as it goes over the wire."""
    return ProblemBody(code=problem.code, status=problem.status, detail=problem.detail, extra=dict(problem.extra))


def raise_problem(body: ProblemBody) -> Problem:
    """The problem as it came over the wire, to be raised."""
    return Problem(body.code, body.status, body.detail, **body.extra)


def slices(body: bytes) -> Sequence[bytes]:
    """A large body in parts."""
    return [body[start : start + PART_BYTES] for start in range(0, len(body), PART_BYTES)]
