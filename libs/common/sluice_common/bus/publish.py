"""Publishing events: acknowledged by the stream, or not published."""

from __future__ import annotations

from nats.errors import Error as NatsError
from nats.js.errors import NoStreamResponseError

from sluice_common.bus.connect import Bus
from sluice_common.contracts import codec, subjects
from sluice_common.contracts.events import Event, subject_of
from sluice_common.kit.errors import BusUnavailable


async def publish_event(bus: Bus, event: Event) -> None:
    """Publish one event and await the stream's acknowledgement; a repetition with the same id is stored once.

    Raises BusUnavailable when the outcome is unknown: publish it again.
    """
    try:
        await bus.js.publish(
            subject_of(event), codec.to_json(event), stream=subjects.EVENTS, headers={"Nats-Msg-Id": event.id}
        )
    except NoStreamResponseError as error:
        await _restore(bus)
        raise BusUnavailable("the event stream was gone") from error
    except (TimeoutError, NatsError) as error:
        raise BusUnavailable(f"the event was not acknowledged: {type(error).__name__}") from error


async def _restore(bus: Bus) -> None:
    try:
        await bus.ensure_topology()
    except (TimeoutError, NatsError) as error:
        raise BusUnavailable(f"JetStream: {type(error).__name__}") from error
