"""The imports' SQL: claiming, transitions, the written plan, registration. A worker's every write names its attempt."""

# ruff: noqa: S608 - what is put into statements is our own lists of columns, values are parameters
from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec

from sluice_common.contracts.library import ImportState
from sluice_common.kit.errors import Fenced
from sluice_importer.match.values import MediaItem as Item
from sluice_importer.plan.values import FilePlan, Held, Plan
from sluice_importer.work import retry
from sluice_importer.work.announce import facts
from sluice_importer.work.announce import store as outbox
from sluice_importer.work.values import Again, Job, Registered, Stop, storable

if TYPE_CHECKING:
    from sluice_common.db.pool import Connection

LEASE = timedelta(seconds=30)

_ROW = (
    "id, client, download_id, epoch, incarnation, wanted, name, category, state, reason, message, version, attempt, "
    "next_retry_at, failures, bound_item, media_item, library, files_done, files_total, created_at, updated_at"
)


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """What a transition sets. None leaves media item, library and counts as they are."""

    state: ImportState
    reason: str | None = None
    message: str | None = None
    next_retry_at: datetime | None = None
    failures: int = 0
    release: bool = False
    media_item: str | None = None
    library: str | None = None
    files_done: int | None = None
    files_total: int | None = None


async def claim(connection: Connection, owner: str, now: datetime) -> Job | None:
    """Lease the import that is due longest, with a new attempt number; None when nothing is due.

    What was never tried comes first: a thousand that wait for a client must not hold up one that can be had.

    An import whose worker stopped its heartbeat is due again as soon as the lease is over.
    """
    row = await connection.fetchrow(
        "UPDATE library.imports SET attempt = attempt + 1, lease_owner = $1, lease_until = now() + $2 "
        "WHERE id = (SELECT id FROM library.imports WHERE next_retry_at <= $3 "
        "AND (lease_until IS NULL OR lease_until < now()) "
        "ORDER BY attempt > 0, next_retry_at FOR UPDATE SKIP LOCKED LIMIT 1) "
        "RETURNING id, client, download_id, epoch, name, attempt, state, reason, bound_item, "
        "media_item, failures, updated_at",
        owner,
        LEASE,
        now,
    )
    return None if row is None else msgspec.convert(dict(row), Job)


async def heartbeat(connection: Connection, job: Job, files_done: int) -> bool:
    """Keep the lease; False when it is somebody else's."""
    found = await connection.fetchval(
        "UPDATE library.imports SET lease_until = now() + $3, files_done = greatest(files_done, $4) "
        "WHERE id = $1 AND attempt = $2 AND lease_until IS NOT NULL RETURNING id",
        job.id,
        job.attempt,
        LEASE,
        files_done,
    )
    return found is not None


async def release(connection: Connection, job: Job) -> None:
    """Give the lease back before its time; the import is due at once."""
    await connection.execute(
        "UPDATE library.imports SET lease_until = NULL WHERE id = $1 AND attempt = $2", job.id, job.attempt
    )


async def release_all(connection: Connection, owner: str) -> None:
    """Give back what `owner` leased in an earlier life."""
    await connection.execute("UPDATE library.imports SET lease_until = NULL WHERE lease_owner = $1", owner)


async def still_ours(connection: Connection, job: Job) -> Mapping[str, Any]:
    """The import's row, locked; raises Fenced when another attempt has it."""
    row = await connection.fetchrow(
        f"SELECT {_ROW} FROM library.imports WHERE id = $1 AND attempt = $2 FOR UPDATE",
        job.id,
        job.attempt,
    )
    if row is None:
        raise Fenced(f"attempt {job.attempt} at the import {job.id} was overtaken")
    return dict(row)


async def advance(connection: Connection, row: Mapping[str, Any], step: Step, now: datetime) -> Mapping[str, Any]:
    """Take the locked `row` one step: version and event in the same transaction. The row as it is then.

    A step that changes neither state nor reason nor message is none: no version, no event. A change of the message
    alone is no news either, but it has a version.
    """
    message = None if step.message is None else storable(step.message)
    is_news = (row["state"], row["reason"]) != (step.state, step.reason)
    changed = is_news or row["message"] != message
    after = await connection.fetchrow(
        "UPDATE library.imports SET state = $2, reason = $3, message = $4, next_retry_at = $5, failures = $6, "
        "lease_until = CASE WHEN $7 THEN NULL ELSE lease_until END, media_item = coalesce($8, media_item), "
        "library = coalesce($9, library), files_done = coalesce($10, files_done), "
        "files_total = coalesce($11, files_total), version = version + $12, "
        f"updated_at = CASE WHEN $13 THEN $14 ELSE updated_at END WHERE id = $1 RETURNING {_ROW}",
        row["id"],
        step.state,
        step.reason,
        message,
        step.next_retry_at,
        step.failures,
        step.release,
        step.media_item,
        step.library,
        step.files_done,
        step.files_total,
        int(changed),
        is_news,
        now,
    )
    assert after is not None, "the row is locked"
    event = facts.of_state(dict(after), now) if is_news else None
    if event is not None:
        await outbox.put(connection, row["id"], [event], now)
    return dict(after)


async def stop(connection: Connection, job: Job, why: Stop, now: datetime) -> datetime | None:
    """Record why the import cannot go on and give the lease back; when it is looked at again."""
    row = await still_ours(connection, job)
    failures = row["failures"] + 1 if why.again is Again.LATER else row["failures"]
    step = Step(
        state=why.state,
        reason=why.reason,
        message=why.message,
        next_retry_at=_next(why, row, failures, now),
        failures=failures,
        release=True,
    )
    await advance(connection, row, step, now)
    return step.next_retry_at


def _next(why: Stop, row: Mapping[str, Any], failures: int, now: datetime) -> datetime | None:
    if why.again is Again.NEVER:
        return None
    if why.again is Again.LATER:
        return retry.after_failure(failures, now)
    since = row["updated_at"] if (row["state"], row["reason"]) == (why.state, why.reason) else now
    return retry.after_waiting(since, now)


async def write_plan(connection: Connection, job: Job, item: Item, wanted: int, plan: Plan, now: datetime) -> None:
    """The verdict of every file, before the disk is touched. An import that was being placed stays so.

    `wanted` is what the client said when it gave the file list: with other bytes this import is reopened.
    """
    row = await still_ours(connection, job)
    await connection.execute("UPDATE library.imports SET wanted = $2 WHERE id = $1", job.id, wanted)
    await connection.execute("DELETE FROM library.import_files WHERE import_id = $1", job.id)
    await connection.executemany(
        "INSERT INTO library.import_files (import_id, position, path, size, verdict, reason, target, season, episodes) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        [(job.id, position, *_planned(file)) for position, file in enumerate(plan.files)],
    )
    placing = row["state"] == ImportState.IMPORTING
    step = Step(
        state=ImportState.IMPORTING if placing else ImportState.PLANNED,
        next_retry_at=row["next_retry_at"],
        failures=row["failures"],
        media_item=item.id,
        library=item.library,
        files_done=0,
        files_total=len(plan.to_place),
    )
    await advance(connection, row, step, now)


def _planned(file: FilePlan) -> tuple[object, ...]:
    episodes = list(file.episodes)
    return (
        storable(file.path, 5000),
        file.size,
        file.verdict.value,
        file.code.value,
        file.target,
        file.season,
        episodes,
    )


async def start(connection: Connection, job: Job, now: datetime) -> None:
    """The disk is about to be touched."""
    row = await still_ours(connection, job)
    step = Step(state=ImportState.IMPORTING, next_retry_at=row["next_retry_at"], failures=row["failures"])
    await advance(connection, row, step, now)


async def held(connection: Connection, item: str, but_of: str) -> list[tuple[str, Held]]:
    """(library, file) of everything the catalogue has of a media item, but for what the import `but_of` brought."""
    rows = await connection.fetch(
        "SELECT f.library, f.path, f.size, e.season, array_agg(e.number ORDER BY e.number) "
        "FILTER (WHERE e.number IS NOT NULL) AS episodes FROM library.files f "
        "LEFT JOIN library.file_episodes fe ON fe.file = f.id LEFT JOIN library.episodes e ON e.id = fe.episode "
        "WHERE f.media_item = $1 AND f.import_id IS DISTINCT FROM $2 GROUP BY f.id, e.season",
        item,
        but_of,
    )
    return [
        (
            row["library"],
            Held(path=row["path"], size=row["size"], season=row["season"], episodes=tuple(row["episodes"] or ())),
        )
        for row in rows
    ]


async def register(
    connection: Connection, job: Job, files: Sequence[Registered], unresolved: Stop | None, now: datetime
) -> None:
    """What was placed becomes the catalogue's, and everybody is told: one transaction.

    With `unresolved` files left the import ends blocked by it, else imported; its association is then done.
    """
    row = await still_ours(connection, job)
    step = Step(
        state=ImportState.IMPORTED if unresolved is None else unresolved.state,
        reason=unresolved.reason if unresolved else None,
        message=unresolved.message if unresolved else None,
        release=True,
        files_done=len(files),
        files_total=len(files),
    )
    told = {**row, "version": row["version"] + 1}
    new = [file for file in files if await _register_file(connection, row, file, now)]
    # A microsecond apart, so that a timeline keeps their order.
    times = [now + timedelta(microseconds=index) for index in range(len(new) + 2)]
    registered = [facts.of_file(told, file, time) for file, time in zip(new, times, strict=False)]
    await outbox.put(connection, job.id, registered, now)
    await connection.executemany(
        "UPDATE library.import_files SET method = $3, placed = true WHERE import_id = $1 AND position = $2",
        [(job.id, file.position, file.method) for file in files],
    )
    after = await advance(connection, row, step, times[-2])
    if new:
        await outbox.put(connection, job.id, [facts.of_refresh(after, times[-1])], now)
    if unresolved is None:
        await _close_association(connection, row, now)


async def _register_file(connection: Connection, row: Mapping[str, Any], file: Registered, now: datetime) -> bool:
    """Whether the file was not registered for this import before."""
    number = await connection.fetchval(
        "INSERT INTO library.files AS f (library, path, size, inode, checksum, method, media_item, import_id, "
        "registered_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (library, path) DO UPDATE SET "
        "size = excluded.size, inode = excluded.inode, checksum = excluded.checksum, method = excluded.method, "
        "media_item = excluded.media_item, import_id = excluded.import_id, registered_at = excluded.registered_at "
        "WHERE f.import_id IS DISTINCT FROM excluded.import_id RETURNING f.id",
        row["library"],
        file.path,
        file.size,
        file.inode,
        file.checksum,
        file.method,
        row["media_item"],
        row["id"],
        now,
    )
    if number is None:
        return False
    await connection.execute("DELETE FROM library.file_episodes WHERE file = $1", number)
    for episode in file.episodes:
        await connection.execute(
            "WITH made AS (INSERT INTO library.episodes (media_item, season, number) VALUES ($1, $2, $3) "
            "ON CONFLICT (media_item, season, number) DO UPDATE SET season = excluded.season RETURNING id) "
            "INSERT INTO library.file_episodes (file, episode) SELECT $4, id FROM made",
            row["media_item"],
            file.season,
            episode,
            number,
        )
    return True


async def _close_association(connection: Connection, row: Mapping[str, Any], now: datetime) -> None:
    await connection.execute(
        "UPDATE library.downloads SET state = 'closing', closing_reason = 'imported', epoch = $3, updated_at = $4 "
        "WHERE client = $1 AND download_id = $2 AND state <> 'closing'",
        row["client"],
        row["download_id"],
        row["epoch"],
        now,
    )
