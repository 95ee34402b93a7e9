"""What every answer on the bus shares: checks before a database is asked, and what a lost one is called."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any

import msgspec

from sluice_common.bus.connect import Bus
from sluice_common.bus.rpc import serve
from sluice_common.contracts import rpc, subjects
from sluice_common.db.connect import describe
from sluice_common.db.pool import is_transient
from sluice_common.kit.errors import Problem

if TYPE_CHECKING:
    from sluice_common.db.pool import Connection

Handler = Callable[[Any, rpc.Request], Awaitable[object]]
# By method: the struct that is asked with, and who answers.
Methods = dict[str, tuple[type[Any], Handler]]


async def answer(bus: Bus, stack: AsyncExitStack, methods: Methods) -> None:
    """Answer each method on `sluice.rpc.importer.*` until the stack closes; one replica takes a request."""
    for method, (kind, handler) in methods.items():
        running = await serve(bus, subjects.rpc("importer", method), kind, _checked(handler), queue="importer")
        stack.push_async_callback(running.stop)


@asynccontextmanager
async def reached(opened: AbstractAsyncContextManager[Connection]) -> AsyncIterator[Connection]:
    """The connection; raises Problem database_unavailable while there is none, or where it was lost on the way."""
    try:
        async with opened as connection:
            yield connection
    except Exception as error:
        if not is_transient(error):
            raise
        detail = f"the importer's database does not answer now ({describe(error)}); try again in a moment"
        raise Problem("database_unavailable", 503, detail) from error


def _checked(handler: Handler) -> Handler:
    """Refuse text that no database holds before anything is asked of one."""

    async def check(asked: Any, request: rpc.Request) -> object:
        if any("\0" in text for text in _texts(asked)):
            raise Problem("bad_text", 422, "the request holds a NUL character")
        return await handler(asked, request)

    return check


def _texts(asked: object) -> Iterator[str]:
    if isinstance(asked, str):
        yield asked
    elif isinstance(asked, msgspec.Struct):
        yield from _texts(msgspec.structs.asdict(asked))
    elif isinstance(asked, Mapping):
        for pair in asked.items():
            yield from _texts(pair)
    elif isinstance(asked, tuple):
        for value in asked:
            yield from _texts(value)
