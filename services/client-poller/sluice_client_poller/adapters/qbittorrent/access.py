"""HTTP to one qBittorrent under a session of its own: logs in when it is told to, once, and never hammers."""

from __future__ import annotations

import asyncio
from typing import Any, NoReturn

from sluice_client_poller.adapters import guard
from sluice_client_poller.adapters.qbittorrent import wire
from sluice_common.kit.clock import Clock
from sluice_common.kit.errors import ClientAuthFailed, ClientError, ClientProtocolError
from sluice_common.kit.settings import ClientSettings
from sluice_common.net import http
from sluice_common.net.tls import trust

_LOG_IN = "auth/login"
IDLE = 5.0  # qBittorrent closes a connection that was idle for longer, perhaps just as we send
# After a refused log-in nobody asks again for so long, twice as long each time: five in a row ban our address.
AUTH_PAUSE = 60.0
AUTH_PAUSE_MOST = 1800.0


class Access:
    """The calls may overlap. `logins` counts sessions, `troubles` the calls that got no answer."""

    def __init__(self, settings: ClientSettings, clock: Clock, *, timeout: float) -> None:
        self._http = http.client(base_url=settings.url, timeout=timeout, idle=IDLE, verify=trust(settings.tls))
        self._timeout = timeout
        self._username = settings.username or "admin"
        self._password = settings.password
        self._clock = clock
        self._lock = asyncio.Lock()
        self._cookies: dict[str, str] = {}
        self._refusals = 0
        self._barred_until = 0.0
        self._refusal = ""
        self.logins = 0
        self.troubles = 0

    async def get(self, path: str, *, within: float | None = None, **query: str) -> wire.Reply:
        """A question, to be answered within so many seconds."""
        return await self._call("GET", path, params=query, timeout=within or self._timeout)

    async def post(self, path: str, fields: dict[str, str], files: dict[str, Any] | None = None) -> wire.Reply:
        """A command, as a form. Raises what the guard of the running command raises."""
        return await self._call("POST", path, data=fields, files=files)

    async def close(self) -> None:
        """Let go of connections."""
        await self._http.aclose()

    async def _call(self, method: str, path: str, **content: Any) -> wire.Reply:
        try:
            return await self._answered(method, path, **content)
        except ClientError:
            self.troubles += 1
            raise

    async def _answered(self, method: str, path: str, **content: Any) -> wire.Reply:
        if self.logins == 0 and self._password is not None:
            await self._log_in(0)
        session = self.logins
        reply = await self._send(method, path, **content)
        if wire.needs_log_in(reply):
            wire.checked_refusal(reply)
            await self._log_in(session)
            reply = await self._send(method, path, **content)
            if wire.needs_log_in(reply):
                wire.checked_refusal(reply)
                raise ClientAuthFailed(wire.refusal(reply))
        return reply

    async def _send(self, method: str, path: str, **content: Any) -> wire.Reply:
        changes = method == "POST" and path != _LOG_IN
        if changes:
            guard.may_send()  # here and not in `post`: a log-in may have come in between
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self._cookies.items())}
        try:
            reply = await self._http.request(
                method, wire.PREFIX + path, headers=headers if self._cookies else None, **content
            )
        except http.DecodingError:
            raise ClientProtocolError(f"{path}: the reply's compression is damaged") from None
        except (http.HTTPError, http.InvalidURL) as error:
            raise http.unavailable(error, changes=changes) from error
        # Not only a log-in sets one: where none is needed, the first answer does.
        self._cookies = wire.cookies(self._cookies, reply.headers.get_list("set-cookie"))
        told = reply.headers.get("content-type", "")
        challenge = reply.headers.get("www-authenticate", "")
        return wire.Reply(
            path=path, status=reply.status_code, content_type=told, body=reply.content, challenge=challenge
        )

    async def _log_in(self, session: int) -> None:
        """Start the session after `session`, unless another call has done so."""
        async with self._lock:
            if self.logins != session:
                return
            if self._password is None:
                raise ClientAuthFailed("no password is configured; set that of qBittorrent's web interface")
            if self._clock.monotonic() < self._barred_until:
                raise ClientAuthFailed(self._refusal)
            self._cookies = {}
            form = {"username": self._username, "password": self._password.get_secret_value()}
            reply = await self._send("POST", _LOG_IN, data=form)
            if reply.status == 403:
                wire.checked_refusal(reply, logging_in=True)
                self._refused(wire.refusal(reply))
            if reply.status == 401:
                wire.checked_unauthorized(reply)
            if not wire.parse_login(reply):
                self._refused(wire.login_refused(reply))
            self._refusals = 0
            self.logins += 1

    def _refused(self, why: str) -> NoReturn:
        pause = min(AUTH_PAUSE * 2**self._refusals, AUTH_PAUSE_MOST)
        self._refusals += 1
        self._barred_until, self._refusal = self._clock.monotonic() + pause, why
        raise ClientAuthFailed(why)
