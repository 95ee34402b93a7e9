"""What the routes of downloads and clients may be refused with, as (status, code, example of a detail)."""

from __future__ import annotations

UNKNOWN = (
    (401, "key_required", "send an API key in the header X-API-Key, or as Authorization: Bearer"),
    (404, "unknown_client", "no client 'qbit' is configured; there are: deluge"),
    (404, "unknown_download", "deluge has no download 'c12f…'; see GET /api/v1/queue"),
)
DOWN = (
    (502, "client_auth_failed", "deluge: wrong password; check the username and password in the configuration"),
    (503, "client_unavailable", "deluge: connection refused; nothing was changed, try again when the client is back"),
    (503, "no_responder", "nobody answers 'pause' for the client 'deluge' now; is that service running?"),
    (504, "unknown_outcome", "the effect was not seen before the deadline"),
)
OFF = (409, "queue_off", "the feature queue is off; see `features` in sluice.yaml")
REFUSED = (409, "client_refused", "Deluge took the change and did not make it; its log may say why")
REUSED = (422, "key_reused", "this Idempotency-Key named another command; use a new one for each")
UNSUPPORTED = (501, "unsupported", "Deluge cannot force a start; nothing was changed")
