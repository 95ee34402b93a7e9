"""The one exception tree, ordered by what the caller does about it.

SluiceError
├── Problem                 refuse the request: a stable code, an HTTP-like status, what to do
├── ClientError             a call to a download client or an app did not work
│   ├── ClientUnavailable   back off and try again
│   ├── ClientAuthFailed    stop, tell the user
│   └── ClientProtocolError a bug or a new version: keep the reply's shape, back off
├── BusUnavailable          the bus did not answer in time; the outcome is unknown
├── Fenced                  somebody else published or owns this now: prove the lease, read again
└── SettingsError           the configuration is wrong: every fault at once, with its key
"""

from __future__ import annotations

from collections.abc import Sequence


class SluiceError(Exception):
    """The base of every error that Sluice raises on purpose."""


class Problem(SluiceError):
    """A refusal that a person can act on.

    `code` is stable (`unknown_client`), `status` is the HTTP status it becomes at the edge, `detail` says what is
    wrong and what to do, `extra` holds bounded, secret-free facts (strings, numbers) that the answer carries too.
    """

    def __init__(self, code: str, status: int, detail: str, **extra: str | int) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.status = status
        self.detail = detail
        self.extra = extra


class ClientError(SluiceError):
    """A call to a download client or an app did not work. `reason` is the stable code shown to people."""

    reason = "error"


class ClientUnavailable(ClientError):
    """The client cannot be reached, or takes too long: back off.

    `unsent` is true of a request that was to change something, and never left.
    """

    reason = "unreachable"

    def __init__(self, words: str = "", *, unsent: bool = False) -> None:
        super().__init__(words)
        self.unsent = unsent


class ClientAuthFailed(ClientError):
    """The client refused our password or key: do not hammer it, tell the user."""

    reason = "auth_failed"


class ClientProtocolError(ClientError):
    """The client answered something we do not understand."""

    reason = "protocol_error"


class BusUnavailable(SluiceError):
    """The bus did not answer in time; what was asked may or may not have happened."""


class Fenced(SluiceError):
    """Another publisher was there first, or our lease is no longer proven."""


class SettingsError(SluiceError):
    """The configuration is wrong. `faults` lists every fault, each beginning with the path of its key."""

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__("; ".join(faults))
        self.faults = tuple(faults)
