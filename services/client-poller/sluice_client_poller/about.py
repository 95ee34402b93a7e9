"""`python -m sluice_client_poller.about`: one client asked what it is, before there is any service to ask.

A client's settings come as JSON on standard input, where no process list shows them; what is answered on standard
output is the contract's AboutClient as JSON, with the reason where the client could not be asked. Exit code 2 where
the settings are wrong; then standard error says how.
"""

from __future__ import annotations

import asyncio
import sys

import msgspec
from pydantic import ValidationError

from sluice_client_poller.adapters import registry, versions
from sluice_common.contracts.doctor import AboutClient
from sluice_common.kit.errors import ClientError
from sluice_common.kit.settings import ClientSettings, in_words

WITHIN = 30.0


async def ask(settings: ClientSettings) -> AboutClient:
    """The client's own words, or why it said none."""
    adapter = registry.make("new", settings)
    try:
        async with asyncio.timeout(WITHIN):
            return versions.about(settings.type, await adapter.about())
    except ClientError as error:
        return AboutClient(reason=error.reason, message=str(error))
    except TimeoutError:
        return AboutClient(reason="unreachable", message=f"no answer within {WITHIN:g} s")
    finally:
        await adapter.close()


def main() -> int:
    """Read, ask, answer."""
    try:
        settings = ClientSettings.model_validate_json(sys.stdin.read())
    except ValidationError as error:
        faults = error.errors(include_input=False, include_url=False)
        sys.stderr.write("; ".join(map(in_words, faults)) + "\n")
        return 2
    sys.stdout.write(msgspec.json.encode(asyncio.run(ask(settings))).decode() + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
