"""What doctor asks and what it finds: every part of a set-up, well or not, and what to do about it."""

from __future__ import annotations

import msgspec

from sluice_common.model.enums import OpenEnum


class Verdict(OpenEnum):
    """`failed` keeps something from working, `warning` makes it worse, `unknown` could not be tried."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    UNKNOWN = "unknown"


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One check of one subject.

    `check` and `code` are stable (docs/operations.md lists them), `subject` names what was looked at, `client` and
    `library` say which ones it is about. `detail` is what is the case, `advice` what to do; empty where all is well.
    """

    check: str
    subject: str
    status: Verdict
    code: str | None = None
    detail: str = ""
    advice: str = ""
    client: str | None = None
    library: str | None = None


class AboutClient(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`about`: what a client says of itself now; with a `reason` it could not be asked, and `message` says why.

    Paths are the client's; a category's is None where it has none of its own. `is_tried` is whether its version is one
    of those that we know, None where it does not tell a version. Known is more than tested: `tested` are the versions
    of its kind with which our tests ran, `is_tested` whether its own is one of their series.
    """

    reason: str | None = None
    message: str | None = None
    version: str | None = None
    is_tried: bool | None = None
    save_path: str | None = None
    categories: dict[str, str | None] = {}
    is_tested: bool | None = None
    tested: tuple[str, ...] = ()


class Checkup(msgspec.Struct, frozen=True, kw_only=True):
    """`doctor`: look at the disk, for these clients as they describe themselves; one without an answer is missing."""

    clients: dict[str, AboutClient] = {}


class Findings(msgspec.Struct, frozen=True):
    """What one service found."""

    items: tuple[Finding, ...]
