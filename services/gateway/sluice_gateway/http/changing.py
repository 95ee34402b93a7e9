"""Routes that change downloads: the verbs and the edits of one, and one action on many."""

from __future__ import annotations

from typing import Annotated

from litestar import Response, delete, post
from litestar.params import Body, QueryParameter

from sluice_common.kit.clock import SYSTEM_CLOCK
from sluice_gateway import bulk, changes
from sluice_gateway.http.downloads import PATH, shown
from sluice_gateway.http.given import GivenCaller, GivenCommands, PathName
from sluice_gateway.http.problems import documented
from sluice_gateway.http.refusals import DOWN, OFF, REFUSED, REUSED, UNKNOWN, UNSUPPORTED
from sluice_gateway.schemas import AddedRow, Bulk, BulkResult, Outcome, QueueRow

# A thousand names of downloads, or the numbers of a very large torrent's files.
MAX_BYTES = 512 * 1024

_COMMANDS = documented(
    *UNKNOWN, (409, "epoch_changed", "the download was added anew; look at it again"), OFF, REUSED, *DOWN
)
_EDIT = documented(
    (400, "invalid_request", "body: Object contains unknown field `colour`"),
    (400, "nothing_to_change", "give at least one of: wanted, unwanted"),
    (400, "category_invalid", "the category ' tv' begins or ends with a blank"),
    (400, "save_path_invalid", "save_path 'films' is not absolute; give the whole path, as the client sees its disk"),
    (
        400,
        "save_path_in_library",
        "save_path '/data/media/tv' lies in the library tv (/data/media/tv), which only Sluice fills; give a folder …",
    ),
    (400, "name_invalid", "a name is one part of a path: without '/', blanks around it, or '..'"),
    (400, "tag_invalid", "the tag 'a,b' holds a comma, or begins or ends with a blank"),
    (400, "tracker_invalid", "number 1 of `add` is no announce URL; it begins with http://, https:// or udp://"),
    (400, "peer_invalid", "'here:1' is no peer; give address:port, of IPv6 [address]:port"),
    (400, "files_invalid", "file 3 is both wanted and unwanted"),
    (400, "file_unknown", "it has 3 files, numbered from 0; choose among them"),
    (400, "file_twice", "a file is wanted or not, not both"),
    (400, "limit_invalid", "a limit is 0, which lifts it, or more"),
    *UNKNOWN,
    (409, "epoch_changed", "the download was added anew; look at it again"),
    (409, "files_unknown", "its files are not known yet; wait for its metadata"),
    (409, "not_queued", "this download has no place in qBittorrent's queue; only unfinished ones have"),
    (
        409,
        "queueing_off",
        "nothing has a place in qBittorrent's queue while it is off; switch on torrent queueing there",
    ),
    REFUSED,
    OFF,
    REUSED,
    UNSUPPORTED,
    *DOWN,
)
_BULK = documented(
    (400, "invalid_request", "`edit` goes with the action edit, and with no other"),
    UNKNOWN[0],
    OFF,
)


@post(f"{PATH}/pause", summary="Pause it", tags=["downloads"], status_code=200, responses=_COMMANDS)
async def pause(
    commands: GivenCommands, caller: GivenCaller, client: PathName, download_id: PathName
) -> Response[QueueRow | Outcome]:
    """The row as it is after the pause."""
    return shown(await commands.act(client, download_id, "pause", caller), 200)


@post(f"{PATH}/resume", summary="Resume it", tags=["downloads"], status_code=200, responses=_COMMANDS)
async def resume(
    commands: GivenCommands, caller: GivenCaller, client: PathName, download_id: PathName
) -> Response[QueueRow | Outcome]:
    """The row as it is after it was resumed."""
    return shown(await commands.act(client, download_id, "resume", caller), 200)


@post(f"{PATH}/recheck", summary="Check its data again", tags=["downloads"], status_code=200, responses=_COMMANDS)
async def recheck(
    commands: GivenCommands, caller: GivenCaller, client: PathName, download_id: PathName
) -> Response[QueueRow | Outcome]:
    """The row as it is once the check was asked for."""
    return shown(await commands.act(client, download_id, "recheck", caller), 200)


@post(f"{PATH}/retry", summary="Add it again", tags=["downloads"], status_code=200, responses=_COMMANDS)
async def retry(
    commands: GivenCommands, caller: GivenCaller, client: PathName, download_id: PathName
) -> Response[AddedRow | Outcome]:
    """Take it out of its client, keeping its data, and add it again from the stored source, with its limits, trackers
    and choice of files as they were; `note` says what the client did not take of that. One that is gone already,
    because an earlier retry failed half-way (`not_added_again`), is only added."""
    return shown(await commands.retry(client, download_id, caller), 200)


@delete(PATH, summary="Remove it", tags=["downloads"], status_code=200, responses=_COMMANDS)
async def remove(
    commands: GivenCommands,
    caller: GivenCaller,
    client: PathName,
    download_id: PathName,
    data_: Annotated[bool, QueryParameter(name="data", description="also delete what was downloaded")] = False,
) -> Outcome:
    """Take it out of its client, with its data if asked."""
    return await commands.remove(client, download_id, caller, with_data=data_)


@post(
    f"{PATH}/edit",
    summary="Change it",
    tags=["downloads"],
    status_code=200,
    responses=_EDIT,
    request_max_body_size=MAX_BYTES,
)
async def edit(
    commands: GivenCommands,
    caller: GivenCaller,
    client: PathName,
    download_id: PathName,
    data: Annotated[changes.Edit, Body(description="one change, by its `kind`")],
) -> Response[AddedRow | Outcome]:
    """The row as it is after the change. What this client, or its version, cannot do is `unsupported`, and nothing was
    changed. After a new category `note` says why Sluice will not import it, where that is so."""
    return shown(await commands.edit(client, download_id, data, caller), 200)


@post(
    "/downloads/bulk",
    summary="One action on many",
    tags=["downloads"],
    status_code=200,
    responses=_BULK,
    request_max_body_size=MAX_BYTES,
)
async def many(
    commands: GivenCommands,
    caller: GivenCaller,
    data: Annotated[Bulk, Body(description="the action, and up to 1,000 downloads")],
) -> BulkResult:
    """A result for each item in the order of the request, also where some or all of them failed: each is a command of
    its own. Items of one client go to it a few at a time; what has not begun after a minute is refused."""
    commands.need()
    return await bulk.carry_out(commands, data, caller, SYSTEM_CLOCK)


ROUTES = [pause, resume, recheck, retry, remove, edit, many]
