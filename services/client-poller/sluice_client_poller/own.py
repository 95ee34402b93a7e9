"""What is set on one download, as it may be shown. Pure."""

from __future__ import annotations

from sluice_client_poller.adapters.port import Terms
from sluice_client_poller.adapters.words import hosts
from sluice_common.model.edits import OwnSettings


def own_settings(terms: Terms) -> OwnSettings:
    """Its own limits, and of its trackers the hosts; an own rule that sets no limit is none."""
    return OwnSettings(
        download_limit=terms.download_limit,
        upload_limit=terms.upload_limit,
        ratio_limit=terms.ratio or None,
        seeding_time_limit=terms.seeding_time or None,
        trackers=hosts(sorted(terms.trackers or ())),
    )
