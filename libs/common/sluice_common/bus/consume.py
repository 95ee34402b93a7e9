"""Our one durable consumer: a pull consumer that survives its own deletion, a wiped stream and a restarted server.

FastStream's is not used here: its batch pull loses minutes and never recovers from a deleted durable (ADR 0004).
The handler commits, then this module acknowledges; never the other way round.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from nats.js.errors import APIError

from sluice_common.bus.connect import Bus
from sluice_common.contracts import codec, subjects
from sluice_common.contracts.events import Event
from sluice_common.kit import log as logging
from sluice_common.kit.backoff import delay
from sluice_common.kit.clock import SYSTEM_CLOCK, Clock
from sluice_common.kit.tasks import checkpoint

log = logging.get(__name__)

ACK_WAIT = 30.0
RETRY_DELAY = 1.0
MAX_RETRY_DELAY = 30.0
# About an hour of retries: a database that is away over lunch must not turn good events into dead letters.
MAX_ATTEMPTS = 120
_TROUBLE = (TimeoutError, NatsError, APIError)

EventHandler = Callable[[Sequence[Event]], Awaitable[None]]


class Poison(Exception):
    """Raised by a handler for a batch of one that it can never handle: the message goes to the dead letters."""


class DurableConsumer:
    """Feeds events of `EVENTS` to a handler, at least once, oldest first.

    The handler gets a batch and returns once it is committed. If it raises, nothing is acknowledged and the batch
    comes again after a moment, message by message, so that one that cannot be handled is found and dead-lettered.
    """

    def __init__(
        self,
        bus: Bus,
        name: str,
        filters: Sequence[str],
        handler: EventHandler,
        *,
        batch: int = 100,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._bus = bus
        self._handler = handler
        self._batch = batch
        self._clock = clock
        self._config = ConsumerConfig(
            durable_name=name,
            filter_subjects=list(filters),
            ack_policy=AckPolicy.EXPLICIT,
            deliver_policy=DeliverPolicy.ALL,
            ack_wait=ACK_WAIT,
            max_ack_pending=max(1000, batch * 4),
            max_deliver=-1,
        )
        self._name = name
        self._subscription: Any = None

    async def run(self) -> None:
        """Consume until cancelled."""
        try:
            while True:
                checkpoint()
                await self._round()
        finally:
            # A pull that still waits at the server would swallow messages until their ACK_WAIT is over.
            await self._forget()

    async def _round(self) -> None:
        try:
            messages = await self._fetch()
            if messages:
                await self._handle(messages)
        except _TROUBLE as error:
            # Also an acknowledgement that could not be sent: the message comes again.
            log.warning("consumer_waits", consumer=self._name, error=type(error).__name__)
            await self._forget()
            await self._clock.sleep(0.5)

    async def _fetch(self) -> list[Msg]:
        if self._subscription is None:
            await self._bus.ensure_topology()
            await self._bus.js.add_consumer(subjects.EVENTS, self._config)
            self._subscription = await self._bus.js.pull_subscribe_bind(self._name, stream=subjects.EVENTS)
        try:
            messages: list[Msg] = await self._subscription.fetch(self._batch, timeout=2)
        except asyncio.TimeoutError:  # noqa: UP041 - nats' TimeoutError is one; silence may also mean a deleted durable
            await self._verify()
            return []
        return messages

    async def _verify(self) -> None:
        try:
            await self._bus.js.consumer_info(subjects.EVENTS, self._name)
        except asyncio.TimeoutError as error:  # noqa: UP041
            raise NatsError("no answer from JetStream") from error

    async def _forget(self) -> None:
        subscription, self._subscription = self._subscription, None
        if subscription is not None:
            try:
                await subscription.unsubscribe()
            except (TimeoutError, NatsError):
                log.debug("unsubscribe_failed", consumer=self._name)

    async def _handle(self, messages: list[Msg]) -> None:
        decoded = [(message, _decode(message)) for message in messages]
        for message, event in decoded:
            if event is None:
                await self._dead_letter(message, "undecodable")
        good = [(message, event) for message, event in decoded if event is not None]
        if not good:
            return
        if len(good) > 1 and any(message.metadata.num_delivered > 1 for message, _ in good):
            for pair in good:
                await self._commit([pair])
        else:
            await self._commit(good)

    async def _commit(self, pairs: Sequence[tuple[Msg, Event]]) -> None:
        try:
            await self._handler([event for _, event in pairs])
        except Exception as error:
            log.exception("handler_failed", consumer=self._name, messages=len(pairs))
            await self._refuse(pairs, error)
            return
        for message, _ in pairs:
            await message.ack()

    async def _refuse(self, pairs: Sequence[tuple[Msg, Event]], error: Exception) -> None:
        message = pairs[0][0]
        hopeless = isinstance(error, Poison) or message.metadata.num_delivered >= MAX_ATTEMPTS
        if len(pairs) == 1 and hopeless:
            await self._dead_letter(message, str(error) if isinstance(error, Poison) else type(error).__name__)
            return
        for message, _ in pairs:
            await message.nak(delay=_retry_delay(message))
        await self._clock.sleep(RETRY_DELAY / 2)

    async def _dead_letter(self, message: Msg, reason: str) -> None:
        """Copy first, and only once the copy is acknowledged let the original go."""
        headers = {**(message.headers or {}), "Sluice-Reason": _one_line(reason), "Sluice-Subject": message.subject}
        headers["Nats-Msg-Id"] = f"{self._name}-{message.metadata.sequence.stream}"
        try:
            await self._bus.js.publish(
                subjects.dead_letter(self._name), message.data, stream=subjects.DEAD_LETTERS, headers=headers
            )
        except (TimeoutError, NatsError):
            await message.nak(delay=_retry_delay(message))
            return
        log.error("dead_letter", consumer=self._name, reason=reason)
        await message.term()


def _retry_delay(message: Msg) -> float:
    return delay(message.metadata.num_delivered, base=RETRY_DELAY, cap=MAX_RETRY_DELAY, jitter=0)


def _one_line(text: str) -> str:
    """A header holds one line."""
    return " ".join(text.split())[:500]


def _decode(message: Msg) -> Event | None:
    try:
        return codec.from_json(message.data, Event)
    except codec.Undecodable:
        return None
