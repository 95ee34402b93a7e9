"""Long pieces of work, one in each round of the event loop."""

from __future__ import annotations

import asyncio

from sluice_common.kit.turns import SLICE, slices, turn, turn_for

TASKS = 20


class Rounds:
    """Counts the rounds of the running loop while the block lasts."""

    def __init__(self) -> None:
        self.count = 0

    async def go_on(self) -> None:
        while True:
            await asyncio.sleep(0)
            self.count += 1


async def test_the_loop_comes_round_between_any_two_pieces() -> None:
    """Twenty tasks with five slices each, all ready at once: no round has two of them, and each task has all of its."""
    rounds, worked = Rounds(), list[tuple[int, int]]()

    async def work(task: int) -> list[int]:
        seen: list[int] = []
        async for part in slices(range(5 * SLICE)):
            worked.append((rounds.count, task))
            seen += part
        return seen

    watch = asyncio.create_task(rounds.go_on())
    assert await asyncio.gather(*map(work, range(TASKS))) == [list(range(5 * SLICE))] * TASKS
    watch.cancel()
    assert len({count for count, _ in worked}) == len(worked) == 5 * TASKS


async def test_turns_come_in_the_order_of_asking() -> None:
    """Who has a thousand slices does not keep out who has one."""
    done: list[str] = []

    async def work(name: str, times: int) -> None:
        for _ in range(times):
            await turn()
            done.append(name)

    await asyncio.gather(work("long", 100), work("short", 1))
    assert done[:2] == ["long", "short"]


async def test_few_rows_wait_for_nobody() -> None:
    """A delta is not worth a turn: it comes at once, although others wait for theirs."""
    others = [asyncio.create_task(turn()) for _ in range(TASKS)]
    await asyncio.sleep(0)
    await turn_for(SLICE)
    assert [part async for part in slices(range(SLICE))] == [range(SLICE)]
    empty: list[int] = []
    assert [part async for part in slices(empty)] == []
    assert not any(task.done() for task in others)
    await asyncio.gather(*others)


async def test_who_gives_up_leaves_the_turn_to_the_next() -> None:
    """A task that is cancelled while it waits holds nobody up."""
    waiting = [asyncio.create_task(turn()) for _ in range(3)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    waiting[1].cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    assert [task.cancelled() for task in waiting] == [True, True, False]
