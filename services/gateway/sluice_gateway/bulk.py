"""One action on many downloads: each is a command of its own, and none that fails hides what became of the others."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence

from sluice_common.kit import log as logging
from sluice_common.kit.clock import Clock
from sluice_common.kit.errors import Problem
from sluice_gateway import checks
from sluice_gateway.caller import Caller
from sluice_gateway.commands import Commands
from sluice_gateway.schemas import Bulk, BulkItem, BulkResult, Outcome, QueueRow, Refusal, Target

log = logging.get(__name__)

# As many as the holder of a client's lease takes at once: more would only wait there with their deadlines running.
AT_ONCE = 16
# Seconds; what has not begun by then is refused. The last that began may take 30 s more, and the command line waits 90.
WITHIN = 45.0

Result = QueueRow | Outcome
Act = Callable[[Target, Caller], Awaitable[Result]]


async def carry_out(commands: Commands, bulk: Bulk, caller: Caller, clock: Clock) -> BulkResult:
    """What became of each item, in the order they were given; one that is named twice is done once.

    Raises Problem only for what is wrong with all of them.
    """
    act = _action(commands, bulk)
    until = clock.monotonic() + WITHIN
    gates: dict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(AT_ONCE))

    async def one(number: int, target: Target) -> BulkItem:
        async with gates[target.client]:
            if clock.monotonic() >= until:
                return _refused(target, Problem("deadline_passed", 504, "its turn did not come; nothing was done"))
            return await _one(act, target, caller.numbered(number))

    targets = list(dict.fromkeys(bulk.items))
    found = await asyncio.gather(*(one(number, target) for number, target in enumerate(targets, 1)))
    results = dict(zip(targets, found, strict=True))
    return _result([results[target] for target in bulk.items])


def _action(commands: Commands, bulk: Bulk) -> Act:
    if (bulk.action == "edit") != (bulk.edit is not None):
        raise Problem("invalid_request", 400, "`edit` goes with the action edit, and with no other")
    if bulk.data and bulk.action != "remove":
        raise Problem("invalid_request", 400, "`data` goes with the action remove, and with no other")
    if bulk.edit is not None:
        checks.check(bulk.edit)
        edit = bulk.edit
        return lambda target, caller: commands.edit(target.client, target.id, edit, caller)
    if bulk.action == "remove":
        return lambda target, caller: commands.remove(target.client, target.id, caller, with_data=bulk.data)
    if bulk.action == "retry":
        return lambda target, caller: commands.retry(target.client, target.id, caller)
    return lambda target, caller: commands.act(target.client, target.id, bulk.action, caller)


async def _one(act: Act, target: Target, caller: Caller) -> BulkItem:
    try:
        result = await act(target, caller)
    except Problem as problem:
        return _refused(target, problem)
    except Exception:
        # The others were carried out, or are being: their results must not be lost with this one's.
        log.exception("bulk_item_failed", client=target.client, request_id=caller.request_id)
        return _refused(target, Problem("internal_error", 500, "something went wrong inside; the log says what"))
    return BulkItem(
        client=target.client,
        id=result.id,
        epoch=result.epoch,
        position=result.position,
        note=getattr(result, "note", None),
    )


def _refused(target: Target, problem: Problem) -> BulkItem:
    refusal = Refusal(code=problem.code, status=problem.status, detail=problem.detail)
    return BulkItem(client=target.client, id=target.id, problem=refusal)


def _result(items: Sequence[BulkItem]) -> BulkResult:
    failed = sum(item.problem is not None for item in items)
    return BulkResult(items=list(items), done=len(items) - failed, failed=failed)
